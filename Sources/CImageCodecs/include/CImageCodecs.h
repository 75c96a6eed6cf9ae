#pragma once
#include "gzip_read.h"
#include "image_decode.h"
#include "image_resize.h"
#include "png_write.h"
