// Gives the memory of all threads' buffers back.
#pragma once

#include "buffer.hpp"
#include "isa.hpp"

namespace ISA {

EXPORT(release)() {
#pragma omp parallel
    buffers().free();
}

}  // namespace ISA
