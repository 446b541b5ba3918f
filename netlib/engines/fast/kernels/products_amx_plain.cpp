#include "isa_amx_plain.hpp"

#ifdef ISA
#include "products.hpp"
#endif
