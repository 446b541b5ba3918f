// Any processor: vectors of four floats (SSE2, NEON).
#pragma once

#include "standard.hpp"

#define ISA baseline
#define LANES 4
