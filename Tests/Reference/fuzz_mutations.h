// What the fuzzers do to a file: flipped bits, random bytes, cut ends, cut or repeated pieces, and lies of the format's own.
#pragma once
#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

using Bytes = std::vector<uint8_t>;

inline size_t below(std::mt19937_64 &random, size_t limit) { return limit == 0 ? 0 : random() % limit; }

// Changes one to four places from `first` on, while more than `smallest` bytes are left; `lie` is given the bytes and the generator.
template <class Lie>
void mutate(Bytes &bytes, std::mt19937_64 &random, size_t first, size_t smallest, Lie lie) {
  for (size_t round = 1 + below(random, 4); round > 0 && bytes.size() > smallest; round--) {
    const size_t place = first + below(random, bytes.size() - first), length = 1 + below(random, 64);
    const size_t end = std::min(bytes.size(), place + length);
    switch (below(random, 8)) {
      case 0:
      case 1: bytes[place] ^= static_cast<uint8_t>(1u << below(random, 8)); break;
      case 2: bytes[place] = static_cast<uint8_t>(random()); break;
      case 3: bytes[place] = below(random, 2) ? 0xff : 0; break;
      case 4: bytes.resize(place); break;
      case 5: bytes.erase(bytes.begin() + static_cast<long>(place), bytes.begin() + static_cast<long>(end)); break;
      case 6: {
        const Bytes piece(bytes.begin() + static_cast<long>(place), bytes.begin() + static_cast<long>(end));
        bytes.insert(bytes.begin() + static_cast<long>(place), piece.begin(), piece.end());
        break;
      }
      default: lie(bytes, random);
    }
  }
}
