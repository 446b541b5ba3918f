#include "isa_avx2.hpp"

#ifdef ISA
#include "passes.hpp"
#endif
