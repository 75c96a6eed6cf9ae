#pragma once
#include <stddef.h>
#include <stdint.h>

/// Inflates a gzip file held in memory, all its members. On success returns 0 and sets *content (to be freed with free)
/// and *content_count. Returns 1 when it is damaged or cut short, 2 when the content is over `limit` bytes, 3 when there
/// is no memory.
int carina_gzip_inflate(const uint8_t *bytes, size_t count, size_t limit, uint8_t **content, size_t *content_count);
