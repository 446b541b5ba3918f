#include "isa_amx.hpp"

#ifdef ISA
#include "products.hpp"
#endif
