#pragma once
#include <stdint.h>

// Resizes an image whose rows arrive one by one; keeps only rows that have been through the horizontal pass.
struct resampler;

// `order` and `filter` as for carina_resize; `vector` zero forbids vector instructions. Null when there is no memory.
struct resampler *carina_resampler_create(
    int32_t width, int32_t height, int32_t channels, int32_t target_width, int32_t target_height, int order, int filter,
    int vector);

// Takes the next row, interleaved, width * channels values.
void carina_resampler_push(struct resampler *resampler, const uint8_t *row);

// After the last row: writes the resized image, interleaved.
void carina_resampler_finish(struct resampler *resampler, uint8_t *target);
void carina_resampler_destroy(struct resampler *resampler);
