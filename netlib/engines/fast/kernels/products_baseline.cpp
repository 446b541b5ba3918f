#include "isa_baseline.hpp"

#include "products.hpp"
