// Reads mutated DICOM files through the C face, in one process, with the address sanitizer; fuzz_dicom.sh builds and runs it.
// usage: fuzz_dicom COUNT SEED FILE...
//
// Mutations: flipped bits, random bytes, cut ends, cut or repeated pieces, and lies in the image attributes (a known tag
// whose value is replaced) or in the segments of a JPEG, JPEG-LS or JPEG 2000 codestream. Of several frames one or another
// is asked for. Half of the files are changed in their pixel data alone, without a change of length, which a decoder sees more often. Says how many files were decoded and refused, the longest time and the peak of the memory.
// Ends with 1 when a file takes more than 5 s (FUZZ_SECONDS: another limit, e.g. under valgrind), and prints a checksum of
// all that was decoded: another run with other garbage in fresh memory (MALLOC_PERTURB_) has to print the same.
// FUZZ_VERBOSE=1 prints it after every file.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "CDICOM.h"
#include "fuzz_mutations.h"

// Replaces a byte or four of what follows a marker: sizes, tiles, components, codings, scans.
static void lieInCodestream(Bytes &bytes, std::mt19937_64 &random) {
  static const uint8_t markers[] = {0x51, 0x52, 0x53, 0x5c, 0x5d, 0x5e, 0x5f, 0x90, 0xf7, 0xf8, 0xda, 0xc0, 0xc1, 0xc3, 0x50};
  const uint8_t marker = markers[below(random, sizeof markers)];
  std::vector<size_t> offsets;
  for (size_t i = 132; i + 48 < bytes.size(); i++)
    if (bytes[i] == 0xff && bytes[i + 1] == marker) offsets.push_back(i + 2);
  if (offsets.empty()) return;
  const size_t offset = offsets[below(random, offsets.size())] + below(random, 42);
  static const uint32_t values[] = {0, 1, 2, 3, 4, 8, 16, 24, 32, 37, 255, 65535, 0x7fffffff, 0x80000000, 0xffffffff};
  const uint32_t value = values[below(random, sizeof values / sizeof *values)];
  const size_t length = below(random, 2) ? 1 : 4;
  for (size_t i = 0; i < length; i++) bytes[offset + i] = static_cast<uint8_t>(value >> 8 * (length - 1 - i));
}

// Replaces the two bytes of a value of group 0028: rows, columns, bits, samples and so on.
static void lie(Bytes &bytes, std::mt19937_64 &random) {
  static const uint8_t tags[] = {0x02, 0x06, 0x08, 0x10, 0x11, 0x00, 0x01, 0x02, 0x03};
  if (below(random, 2)) return lieInCodestream(bytes, random);
  const uint8_t low = tags[below(random, sizeof tags)];
  std::vector<size_t> offsets;
  for (size_t i = 132; i + 10 < bytes.size(); i++)
    if (bytes[i] == 0x28 && bytes[i + 1] == 0 && bytes[i + 2] == low && bytes[i + 3] <= 1) offsets.push_back(i + 8);
  if (offsets.empty()) return;
  const size_t offset = offsets[below(random, offsets.size())];
  const uint16_t values[] = {0, 1, 2, 7, 8, 12, 15, 16, 17, 23, 25, 32, 255, 20000, 32767, 65535};
  const uint16_t value = values[below(random, sizeof values / sizeof *values)];
  bytes[offset] = static_cast<uint8_t>(value);
  bytes[offset + 1] = static_cast<uint8_t>(value >> 8);
}

// One to four changes behind the last head of pixel data that leave every length as it is.
static void mutatePixels(Bytes &bytes, std::mt19937_64 &random) {
  static const uint8_t tag[] = {0xe0, 0x7f, 0x10, 0};
  const auto found = std::find_end(bytes.begin(), bytes.end(), tag, tag + sizeof tag);
  const size_t first = static_cast<size_t>(found - bytes.begin()) + 20;
  if (first + 8 >= bytes.size()) return;
  for (size_t round = 1 + below(random, 4); round > 0; round--) {
    uint8_t &byte = bytes[first + below(random, bytes.size() - first)];
    switch (below(random, 5)) {
      case 0:
      case 1: byte ^= static_cast<uint8_t>(1u << below(random, 8)); break;
      case 2: byte = static_cast<uint8_t>(random()); break;
      case 3: byte = below(random, 2) ? 0xff : 0; break;
      default: lieInCodestream(bytes, random);
    }
  }
}

int main(int count, char **words) {
  if (count < 4) return fprintf(stderr, "usage: fuzz_dicom COUNT SEED FILE...\n"), 64;
  const long wanted = atol(words[1]);
  std::mt19937_64 random(strtoull(words[2], nullptr, 10));
  std::vector<Bytes> seeds;
  for (int i = 3; i < count; i++) {
    std::ifstream file(words[i], std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  long decoded = 0, refused = 0;
  double longest = 0;
  const double limit = getenv("FUZZ_SECONDS") ? atof(getenv("FUZZ_SECONDS")) : 5;
  uint64_t sum = 14695981039346656037u;
  const auto add = [&sum](uint64_t value) { sum = (sum ^ value) * 1099511628211u; };
  for (long i = 0; i < wanted; i++) {
    Bytes bytes = seeds[static_cast<size_t>(i) % seeds.size()];
    const bool hasPreamble = bytes.size() > 132 && bytes[128] == 'D' && bytes[129] == 'I';
    if (below(random, 2)) {
      mutatePixels(bytes, random);
    } else {
      mutate(bytes, random, hasPreamble ? 132 : 0, 140, lie);
    }
    // A block of its own, so that a read beyond its end is seen.
    uint8_t *block = static_cast<uint8_t *>(malloc(bytes.size() + 1));
    std::copy(bytes.begin(), bytes.end(), block + 1);
    carina_dicom *file = nullptr;
    carina_dicom_report report;
    const auto start = std::chrono::steady_clock::now();
    const int frames[] = {1, CARINA_DICOM_MIDDLE_FRAME, 2, CARINA_DICOM_ONLY_FRAME};
    const int frame = frames[static_cast<size_t>(i) / seeds.size() % 4];
    const int status = carina_dicom_open(block + 1, bytes.size(), frame, 1, &file, &report);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    longest = std::max(longest, seconds);
    add(static_cast<uint64_t>(status));
    if (status == CARINA_DICOM_OK) {
      decoded++;
      const size_t values = static_cast<size_t>(report.width) * static_cast<size_t>(report.height) *
                            static_cast<size_t>(report.channels);
      for (size_t k = 0; k < values; k++) add(carina_dicom_codes(file)[k]);
    } else {
      refused++;
    }
    if (seconds > limit) printf("file %ld: %.3f s, status %d %s\n", i, seconds, status, report.message);
    if (getenv("FUZZ_VERBOSE"))
      printf("file %ld: %s: status %d, %s, checksum %016llx\n", i, words[3 + static_cast<size_t>(i) % seeds.size()], status,
             report.message, static_cast<unsigned long long>(sum));
    carina_dicom_close(file);
    free(block);
    if (seconds > limit) return 1;
  }
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("%ld files: %ld decoded, %ld refused; longest %.3f s, peak memory %ld MiB, checksum %016llx\n", wanted, decoded,
         refused, longest, usage.ru_maxrss / 1024, static_cast<unsigned long long>(sum));
  return 0;
}
