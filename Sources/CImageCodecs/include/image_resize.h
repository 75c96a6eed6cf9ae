#pragma once
#include <stdint.h>

enum {
  CARINA_RESIZE_ADAPTIVE = 0,          // vertical pass first where the height shrinks by more than twice what the width
                                       // does, in pixels: Pillow 13
  CARINA_RESIZE_HORIZONTAL_FIRST = 1,  // always the horizontal pass first: Pillow up to 12
};

/// Kernels, by Pillow's numbers.
enum {
  CARINA_FILTER_NEAREST = 0,
  CARINA_FILTER_LANCZOS = 1,   // three lobes
  CARINA_FILTER_BILINEAR = 2,
  CARINA_FILTER_BICUBIC = 3,   // Keys 1981 with a = -0.5
  CARINA_FILTER_BOX = 4,
  CARINA_FILTER_HAMMING = 5,
};

/// Resampling with antialiasing of interleaved 8-bit pixels (1 or 3 channels): a kernel stretched by the down-scaling
/// factor, weights in 22-bit fixed point and 8-bit values between the two passes, which gives the bytes of Pillow's
/// `resize((w, h), FILTER)`; nearest takes one pixel each instead. Because of the 8 bits the order of the passes
/// matters (by a grey level here and there), and Pillow 13 changed it for tall images.
/// Returns 0, or 1 when there is no memory.
int carina_resize(
    const uint8_t *source, int32_t width, int32_t height, int32_t channels, uint8_t *target, int32_t target_width,
    int32_t target_height, int order, int filter);

/// The same without vector instructions: the slow twin that tests compare with.
int carina_resize_plain(
    const uint8_t *source, int32_t width, int32_t height, int32_t channels, uint8_t *target, int32_t target_width,
    int32_t target_height, int order, int filter);

/// Luma of RGB pixels, (19595 R + 38470 G + 7471 B + 32768) >> 16, as Pillow's `convert("L")`.
void carina_luma(const uint8_t *rgb, int64_t count, uint8_t *grey);
