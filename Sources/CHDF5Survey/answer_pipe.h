#pragma once
#include <stddef.h>
#include <stdint.h>

// The writing half of a survey's pipe, in the child. A reader that went away ends the child.

void carina_answer_begin(int descriptor);
void carina_answer_bytes(const void *bytes, size_t count);
void carina_answer_end(void);

static inline void answer_u8(unsigned value) {
  const uint8_t byte = (uint8_t)value;
  carina_answer_bytes(&byte, 1);
}
static inline void answer_u32(uint32_t value) { carina_answer_bytes(&value, sizeof value); }
static inline void answer_u64(uint64_t value) { carina_answer_bytes(&value, sizeof value); }
static inline void answer_text(const char *text, size_t count) {
  answer_u32((uint32_t)count);
  carina_answer_bytes(text, count);
}
