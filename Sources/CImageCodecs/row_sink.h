#pragma once
#include <stdint.h>

// Where a decoder delivers its rows, top to bottom. `start` returns a CARINA_IMAGE status; a sink must not jump.
struct row_sink {
  int (*start)(void *context, int32_t width, int32_t height, int32_t channels, int32_t depth);
  void (*row)(void *context, const void *row);
  void *context;
};
