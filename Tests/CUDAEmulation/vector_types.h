// The vector types of CUDA C.
#pragma once

#define CARINA_EMULATION_VECTORS(element, name, two, four)                                                          \
  struct alignas(two) name##2 {                                                                                     \
    element x, y;                                                                                                   \
  };                                                                                                                \
  struct name##3 {                                                                                                  \
    element x, y, z;                                                                                                \
  };                                                                                                                \
  struct alignas(four) name##4 {                                                                                    \
    element x, y, z, w;                                                                                             \
  };                                                                                                                \
  static inline name##2 make_##name##2(element x, element y) { return {x, y}; }                                     \
  static inline name##3 make_##name##3(element x, element y, element z) { return {x, y, z}; }                       \
  static inline name##4 make_##name##4(element x, element y, element z, element w) { return {x, y, z, w}; }

CARINA_EMULATION_VECTORS(signed char, char, 2, 4)
CARINA_EMULATION_VECTORS(unsigned char, uchar, 2, 4)
CARINA_EMULATION_VECTORS(short, short, 4, 8)
CARINA_EMULATION_VECTORS(unsigned short, ushort, 4, 8)
CARINA_EMULATION_VECTORS(int, int, 8, 16)
CARINA_EMULATION_VECTORS(unsigned int, uint, 8, 16)
CARINA_EMULATION_VECTORS(long long, longlong, 16, 16)
CARINA_EMULATION_VECTORS(unsigned long long, ulonglong, 16, 16)
CARINA_EMULATION_VECTORS(float, float, 8, 16)
CARINA_EMULATION_VECTORS(double, double, 16, 16)

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
