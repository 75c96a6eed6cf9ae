#pragma once
#include "activation.h"
#include "bfloat16.h"
#include "elementwise.h"
#include "normalization.h"
#include "optimizer.h"
#include "rotary.h"
#include "softmax.h"
