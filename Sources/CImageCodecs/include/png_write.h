#pragma once
#include <stddef.h>
#include <stdint.h>

/// Encodes a picture of 8 bits with `channels` of 1 (grey) or 3 (red, green, blue) interleaved, rows one after another,
/// as PNG in memory.
///
/// On success returns 0 and sets *bytes (to be freed with carina_png_free) and *count. On failure returns 1, leaves
/// *bytes NULL and writes a text of at most message_size bytes, its end mark included, into message.
int carina_png_write(const uint8_t *pixels, int width, int height, int channels, uint8_t **bytes, size_t *count,
                     char *message, size_t message_size);

/// Frees what carina_png_write gave; NULL is allowed.
void carina_png_free(uint8_t *bytes);
