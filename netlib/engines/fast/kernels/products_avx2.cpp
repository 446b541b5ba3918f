#include "isa_avx2.hpp"

#ifdef ISA
#include "products.hpp"
#endif
