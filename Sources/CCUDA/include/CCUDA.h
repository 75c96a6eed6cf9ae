#pragma once
#include "cuda_driver.h"
#include "matrix_plan.h"
