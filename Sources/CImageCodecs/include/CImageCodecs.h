#pragma once
#include "image_decode.h"
#include "image_resize.h"
#include "png_write.h"
