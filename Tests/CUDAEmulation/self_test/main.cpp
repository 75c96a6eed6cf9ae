// self-test LIBRARIES PRELUDE [CASE]: tries the emulated libraries of the directory with kernels that begin with the
// prelude.
#include <dlfcn.h>

#include <fstream>
#include <sstream>

#include "harness.h"
#include "kernels.h"

#define DEFINE(name, parameters) int(*name) parameters;
FUNCTIONS(DEFINE)
#undef DEFINE

int failures = 0;
void *stream;
static std::string prelude;
static void *module;

std::string compiled(const std::string &source, std::string &log, const std::vector<const char *> &options) {
  void *program;
  EXPECT(nvrtcCreateProgram(&program, (prelude + source).c_str(), "self_test.cu", 0, nullptr, nullptr) == 0);
  std::vector<const char *> words = {"--gpu-architecture=sm_90a", "--std=c++17", "-default-device"};
  words.insert(words.end(), options.begin(), options.end());
  const int status = nvrtcCompileProgram(program, int(words.size()), words.data());
  size_t bytes = 0;
  EXPECT(nvrtcGetProgramLogSize(program, &bytes) == 0);
  log.resize(bytes);
  nvrtcGetProgramLog(program, &log[0]);
  std::string image;
  if (!status) {
    EXPECT(nvrtcGetCUBINSize(program, &bytes) == 0);
    image.resize(bytes);
    nvrtcGetCUBIN(program, &image[0]);
  }
  nvrtcDestroyProgram(&program);
  return image;
}

void *kernel(const char *name) {
  void *function = nullptr;
  EXPECT(cuModuleGetFunction(&function, module, name) == 0);
  return function;
}

std::vector<float> numbers(size_t count, unsigned seed) {
  std::vector<float> result(count);
  unsigned state = seed * 2654435761u + 1;
  for (float &value : result) {
    state = state * 1664525u + 1013904223u;
    value = float(state >> 8) / 8388608.0f - 1;
  }
  return result;
}

float widened(uint16_t bits) {
  const uint32_t word = uint32_t(bits) << 16;
  float value;
  memcpy(&value, &word, 4);
  return value;
}

uint16_t narrowed(float value) {
  uint32_t word;
  memcpy(&word, &value, 4);
  return uint16_t((word + 0x7fff + (word >> 16 & 1)) >> 16);
}

static std::string text_of(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

static void open_libraries(const std::string &directory) {
  std::vector<void *> libraries;
  for (const char *name : {"libcuda.so.1", "libnvrtc.so.13", "libcublasLt.so.13"}) {
    libraries.push_back(dlopen((directory + "/" + name).c_str(), RTLD_NOW));
    if (!libraries.back()) {
      printf("%s\n", dlerror());
      exit(1);
    }
  }
  const auto find = [&](const char *name) -> void * {
    for (void *library : libraries) {
      if (void *address = dlsym(library, name)) return address;
    }
    printf("no function %s\n", name);
    exit(1);
  };
#define FIND(name, parameters) name = reinterpret_cast<decltype(name)>(find(#name));
  FUNCTIONS(FIND)
#undef FIND
}

static int version() {
  int major = 0, minor = -1;
  EXPECT(nvrtcVersion(&major, &minor) == 0 && major == 13 && minor >= 0);
  return minor;
}

// A header more, or a changed one, is another compiler.
static void test_version(const std::string &folder) {
  const std::string header = folder + "/another_header.h";
  const int before = version();
  EXPECT(version() == before);
  std::ofstream(header) << "// One.\n";
  const int one = version();
  std::ofstream(header) << "// Two.\n";
  const int two = version();
  remove(header.c_str());
  EXPECT(one != before && two != before && two != one);
  EXPECT(version() == before);
}

int main(int count, char **arguments) {
  if (count < 3) return 2;
  open_libraries(arguments[1]);
  prelude = text_of(arguments[2]);
  const std::string name = count > 3 ? arguments[3] : "";

  EXPECT(cuInit(0) == 0);
  void *context;
  EXPECT(cuDevicePrimaryCtxRetain(&context, 0) == 0);
  uint64_t nowhere;
  EXPECT(cuMemAlloc_v2(&nowhere, 4) == 201);  // a thread without a context
  EXPECT(cuCtxSetCurrent(context) == 0);
  EXPECT(cuStreamCreate(&stream, 1) == 0);
  // The started programs load what the first one compiled.
  const std::string path = std::string(arguments[1]) + "/self-test.cubin";
  std::string log, image;
  if (name.empty()) {
    image = compiled(kernel_source, log, {"-DSCALE=3"});
    if (image.empty()) printf("%s\n", log.c_str());
    std::ofstream(path, std::ios::binary) << image;
  } else {
    image = text_of(path);
  }
  if (name.empty()) test_version(arguments[1]);
  EXPECT(!image.empty() && cuModuleLoadData(&module, image.data()) == 0);
  if (failures) return 1;
  if (!name.empty()) return run_case(name);

  test_kernels();
  test_capture();
  test_products();
  test_refusals();
  test_ends(arguments);
  printf(failures ? "%d failures\n" : "the emulation is as it should be\n", failures);
  return failures ? 1 : 0;
}
