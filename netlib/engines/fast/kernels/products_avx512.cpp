#include "isa_avx512.hpp"

#ifdef ISA
#include "products.hpp"
#endif
