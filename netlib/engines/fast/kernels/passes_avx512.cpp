#include "isa_avx512.hpp"

#ifdef ISA
#include "passes.hpp"
#endif
