// The "cubin" of the emulation: a header, then a shared library.
#pragma once

#include <stdint.h>

#include <string>

struct ImageHeader {
  char magic[16];
  uint64_t bytes, checksum;
};

static constexpr char image_magic[16] = "carina-emulated";
static constexpr uint64_t image_limit = 1ull << 30;

// FNV-1a.
static inline uint64_t image_checksum(const std::string &bytes) {
  uint64_t sum = 14695981039346656037ull;
  for (const unsigned char byte : bytes) sum = (sum ^ byte) * 1099511628211ull;
  return sum;
}
