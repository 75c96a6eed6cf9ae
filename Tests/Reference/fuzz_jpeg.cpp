// Decodes mutated JPEG files in one process, as a whole and by --fast-decode, with the address sanitizer; fuzz_jpeg.sh builds and
// runs it.
// usage: fuzz_jpeg COUNT SEED FILE...
//
// Mutations: flipped bits, random bytes, cut ends, cut or repeated pieces, and lies about the size. Every mutated file is decoded at 8, 16 and 48
// pixels a side, which take all of the scales from 1/8 to 1, from whole files and row by row. Says how many were decoded and
// refused, the longest time and the peak of the memory. Ends with 1 when a file takes more than 5 s or memory passes 1 GiB
// (without the sanitizer's own share: FUZZ_MIB gives another limit).
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "fuzz_mutations.h"

extern "C" {
#include "image_decode.h"
#include "image_resize.h"
}

// Changes height or width in a start of frame.
static void lie(Bytes &bytes, std::mt19937_64 &random) {
  for (size_t i = 2; i + 9 < bytes.size(); i++) {
    if (bytes[i] != 0xff || bytes[i + 1] < 0xc0 || bytes[i + 1] > 0xc2) continue;
    static const uint16_t values[] = {0, 1, 7, 8, 17, 255, 384, 4000, 19999, 20001, 60000, 65535};
    const uint16_t value = values[below(random, sizeof values / sizeof *values)];
    const size_t place = i + 5 + 2 * below(random, 2);
    bytes[place] = static_cast<uint8_t>(value >> 8);
    bytes[place + 1] = static_cast<uint8_t>(value);
    return;
  }
}

int main(int argc, char **argv) {
  if (argc < 4) return 64;
  const long count = std::atol(argv[1]);
  std::mt19937_64 random(std::strtoull(argv[2], nullptr, 10));
  std::vector<Bytes> seeds;
  for (int i = 3; i < argc; i++) {
    std::ifstream file(argv[i], std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  const char *limit_text = std::getenv("FUZZ_MIB");
  const double limit = limit_text ? std::atof(limit_text) : 1024;
  long decoded = 0, refused = 0, unlike = 0;
  double longest = 0;
  uint64_t sum = 0xcbf29ce484222325u;
  for (long i = 0; i < count; i++) {
    Bytes bytes = seeds[below(random, seeds.size())];
    mutate(bytes, random, 2, 16, lie);
    const auto start = std::chrono::steady_clock::now();
    bool all = true;
    for (const int32_t size : {8, 16, 48}) {
      carina_image_report report = {}, again = {};
      std::vector<uint8_t> rows(static_cast<size_t>(size) * size * 3), whole(rows.size());
      const int filter = static_cast<int>((bytes.size() + static_cast<size_t>(size)) % 6);
      const int status = carina_image_decode_resized(
          bytes.data(), bytes.size(), size, size, 0, 0, filter, rows.data(), &report);
      all = all && status == 0;
      if (carina_image_header(bytes.data(), bytes.size(), size, &again) != 0 || again.depth != 8) continue;
      const size_t needed = static_cast<size_t>(again.width) * again.height * again.channels;
      if (needed > (64u << 20)) continue;
      Bytes pixels(needed);
      const int other = carina_image_decode(bytes.data(), bytes.size(), size, pixels.data(), needed, &again);
      // Both ways have to agree about what can be decoded, and about its pixels.
      if ((status == 0) != (other == 0)) unlike++;
      if (status != 0 || other != 0) continue;
      carina_resize(pixels.data(), again.width, again.height, again.channels, whole.data(), size, size, 0, filter);
      const size_t values = static_cast<size_t>(size) * size * report.channels;
      if (report.channels != again.channels || !std::equal(rows.begin(), rows.begin() + static_cast<long>(values), whole.begin())) unlike++;
      for (size_t v = 0; v < values; v++) sum = (sum ^ rows[v]) * 0x100000001b3u;
    }
    (all ? decoded : refused)++;
    longest = std::max(longest, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  const double peak = static_cast<double>(usage.ru_maxrss) / 1024;
  std::printf("%ld files: %ld decoded at all sizes, %ld refused at some; longest %.2f s, peak %.0f MiB, %ld unlike, checksum %016llx\n", count,
              decoded, refused, longest, peak, unlike, static_cast<unsigned long long>(sum));
  return longest > 5 || peak > limit || unlike > 0 ? 1 : 0;
}
