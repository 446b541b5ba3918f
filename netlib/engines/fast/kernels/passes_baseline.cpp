#include "isa_baseline.hpp"

#include "passes.hpp"
