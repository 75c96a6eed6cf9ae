#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/// Inflates a gzip file piece by piece, all its members.
typedef struct carina_gzip carina_gzip;

/// NULL when there is no memory.
carina_gzip *carina_gzip_begin(void);
void carina_gzip_end(carina_gzip *gzip);

/// The next bytes of the content, at most `room` of them; none are left when *count is less. Returns 0, or 1 when the
/// file is damaged, cut short or cannot be read.
int carina_gzip_read(carina_gzip *gzip, FILE *file, uint8_t *bytes, size_t room, size_t *count);

/// How many bytes of the file were taken in.
size_t carina_gzip_consumed(const carina_gzip *gzip);
