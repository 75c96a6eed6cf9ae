#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

void test_capture() {
  const std::vector<float> x = numbers(1000, 7);
  DeviceArray<float> values(x), copied(1000);
  void *graph = nullptr, *executable = nullptr;
  const long long count = 1000;
  EXPECT(cuStreamBeginCapture_v2(stream, 2) == 0);
  EXPECT(launch(kernel("scale"), 4, 256, 0, values.address, 2.0f, count) == 0);
  EXPECT(cuMemsetD32Async(copied.address, 0x3f800000, 1000, stream) == 0);
  EXPECT(cuMemcpyDtoDAsync_v2(copied.address, values.address, 500 * 4, stream) == 0);
  EXPECT(cuStreamEndCapture(stream, &graph) == 0);
  EXPECT(values.values() == x);  // recorded, not done
  EXPECT(cuGraphInstantiateWithFlags(&executable, graph, 0) == 0);
  EXPECT(cuGraphDestroy(graph) == 0);
  for (int run = 0; run < 2; ++run) EXPECT(cuGraphLaunch(executable, stream) == 0);
  const std::vector<float> found = copied.values();
  for (size_t index = 0; index < 1000; ++index) {
    EXPECT(found[index] == (index < 500 ? x[index] * 6 * 6 : 1));
  }
  EXPECT(cuGraphExecDestroy(executable) == 0);

  // In a strict mode memory is not allocated while a stream captures; the capture is lost then.
  uint64_t address;
  EXPECT(cuStreamBeginCapture_v2(stream, 0) == 0);
  EXPECT(cuMemAlloc_v2(&address, 16) == 900);
  EXPECT(cuStreamEndCapture(stream, &graph) == 901 && !graph);
  EXPECT(cuStreamBeginCapture_v2(stream, 2) == 0);
  EXPECT(cuStreamSynchronize(stream) == 900);
  EXPECT(cuStreamEndCapture(stream, &graph) == 0);
  EXPECT(cuGraphDestroy(graph) == 0);

  void *start = nullptr, *end = nullptr;
  float milliseconds = -1;
  EXPECT(cuEventCreate(&start, 0) == 0 && cuEventCreate(&end, 0) == 0);
  EXPECT(cuEventRecord(start, stream) == 0);
  EXPECT(launch(kernel("scale"), 4, 256, 0, values.address, 2.0f, count) == 0);
  EXPECT(cuEventRecord(end, stream) == 0 && cuEventSynchronize(end) == 0);
  EXPECT(cuEventElapsedTime(&milliseconds, start, end) == 0 && milliseconds > 0);
  EXPECT(cuEventDestroy_v2(start) == 0 && cuEventDestroy_v2(end) == 0);
}

void test_refusals() {
  std::string log;
  EXPECT(compiled("extern \"C\" __global__ void f() { undeclared(); }", log).empty());
  EXPECT(log.find("undeclared") != std::string::npos && log.find("self_test.cu:") != std::string::npos);
  EXPECT(compiled("extern \"C\" __global__ void f() {}", log, {"--no-such-option"}).empty());

  std::string image = compiled("extern \"C\" __global__ void f() {}", log);
  void *module, *function;
  EXPECT(cuModuleLoadData(&module, image.data()) == 0);
  EXPECT(cuModuleGetFunction(&function, module, "g") == 500);
  EXPECT(cuModuleGetFunction(&function, module, "f") == 0 && launch(function, 3, 1, 0) == 0);
  EXPECT(launch(function, 0, 1, 0) == 1 && launch(function, 1, 1025, 0) == 1);
  image[image.size() / 2] ^= 1;
  EXPECT(cuModuleLoadData(&module, image.data()) == 200);
  EXPECT(cuModuleLoadData(&module, "no image at all, but text of more than the header's bytes") == 200);

  DeviceArray<float> values(16);
  for (const float value : values.values()) EXPECT(std::isnan(value));  // fresh memory
  float host[16];
  EXPECT(cuMemcpyDtoHAsync_v2(host, values.address + 4, 64, stream) == 1);
  EXPECT(cuMemcpyHtoDAsync_v2(values.address - 4, host, 16, stream) == 1);
  EXPECT(cuMemsetD8Async(uint64_t(reinterpret_cast<uintptr_t>(host)), 0, 16, stream) == 1);
  EXPECT(cuMemFree_v2(values.address + 4) == 1);
  uint64_t address;
  EXPECT(cuMemAlloc_v2(&address, size_t(1) << 50) == 2);
}

// Runs a case in a program of its own. Answers its exit status (−1 for a signal) and what it wrote.
static int started(char **arguments, const char *name, const char *variable, const char *value, std::string &text) {
  int ends[2];
  if (pipe(ends)) return -2;
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], 1);
    dup2(ends[1], 2);
    if (variable) setenv(variable, value, 1);
    execl(arguments[0], arguments[0], arguments[1], arguments[2], name, nullptr);
    _exit(127);
  }
  close(ends[1]);
  char bytes[512];
  for (ssize_t count; (count = read(ends[0], bytes, sizeof bytes)) > 0;) text.append(bytes, size_t(count));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void test_ends(char **arguments) {
  const struct {
    const char *name, *variable, *value;
    int status;
    const char *words;
  } cases[] = {
      {"early_return", nullptr, "", -1, "kernel early_return"},
      {"two_barriers", nullptr, "", -1, "kernel two_barriers"},
      {"divergent_shuffle", nullptr, "", -1, "kernel divergent_shuffle"},
      {"shared_overrun", nullptr, "", -1, "kernel shared_overrun"},
      {"overrun", nullptr, "", -1, "kernel overrun"},
      {"overrun", nullptr, "", -1, "of an allocation of 4096 bytes"},
      {"host_read", "CARINA_EMULATION_PROTECT", "1", -1, "which the host touched"},
      {"fault", "CARINA_EMULATION_FAULT", "2", 0, "700 after 1"},
      {"memory", "CARINA_EMULATION_MEMORY", "1000000", 0, "2 of 1000000"},
      {"driver", "CARINA_EMULATION_DRIVER", "11080", 0, "driver 11080"},
      {"capability", "CARINA_EMULATION_CAPABILITY", "7.5", 0, "capability 7.5"},
  };
  for (const auto &test : cases) {
    std::string text;
    const int status = started(arguments, test.name, test.variable, test.value, text);
    if (status == test.status && text.find(test.words) != std::string::npos) continue;
    ++failures;
    printf("%s: status %d, expected %d and \"%s\"; it wrote:\n%s", test.name, status, test.status, test.words,
           text.c_str());
  }
}

int run_case(const std::string &name) {
  int value = 0, minor = 0;
  if (name == "driver") {
    EXPECT(cuDriverGetVersion(&value) == 0);
    printf("driver %d\n", value);
  } else if (name == "capability") {
    EXPECT(cuDeviceGetAttribute(&value, 75, 0) == 0 && cuDeviceGetAttribute(&minor, 76, 0) == 0);
    printf("capability %d.%d\n", value, minor);
  } else if (name == "memory") {
    uint64_t address;
    size_t free, total;
    EXPECT(cuMemAlloc_v2(&address, 600000) == 0);
    value = cuMemAlloc_v2(&address, 600000);
    EXPECT(cuMemGetInfo_v2(&free, &total) == 0 && free == 400000);
    printf("%d of %zu\n", value, total);
  } else if (name == "fault") {
    DeviceArray<float> values(1024);
    const long long count = 1024;
    int done = 0;
    while ((value = launch(kernel("scale"), 4, 256, 0, values.address, 1.0f, count)) == 0) {
      value = cuStreamSynchronize(stream);
      if (value) break;
      ++done;
    }
    EXPECT(cuStreamSynchronize(stream) == 700 && cuMemsetD8Async(values.address, 0, 4, stream) == 700);
    printf("%d after %d\n", value, done);
    _exit(failures ? 1 : (fflush(stdout), 0));
  } else if (name == "host_read") {
    DeviceArray<float> values(1024);
    printf("%f\n", double(*reinterpret_cast<volatile float *>(values.address)));
  } else {
    DeviceArray<float> values(1024);
    const int count = 1024;
    void *function = kernel(name.c_str());
    EXPECT(launch(function, 1, 64, 512, values.address, count) == 0);
    EXPECT(cuStreamSynchronize(stream) == 0);
  }
  return failures ? 1 : 0;
}
