// NVRTC of the emulation: "compiles for the card" with the host's C++ compiler. The kernels' names are found in the
// preprocessed source, and a table of them is compiled behind it.
#include <dirent.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "../image.h"
#include "run_compiler.h"

#define CARINA_EXPORT extern "C" __attribute__((visibility("default")))

namespace {

// nvrtcResult.
enum Result {
  success = 0,
  program_creation_failure = 2,
  invalid_input = 3,
  invalid_program = 4,
  invalid_option = 5,
  compilation_failed = 6,
  internal_error = 11,
};

struct Program {
  std::string source, name, log, image;
};

// The directory of this library: build.sh puts the emulation's headers beside it.
std::string directory() {
  Dl_info here;
  if (!dladdr(reinterpret_cast<void *>(&directory), &here)) return ".";
  const std::string path = here.dli_fname;
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

std::string compiler() {
  const char *given = getenv("CARINA_EMULATION_COMPILER");
  return given && *given ? given : CARINA_EMULATION_COMPILER;
}

std::string text_of(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The emulation's headers, this library, and the compiler's name.
std::string environment() {
  std::vector<std::string> names = {"libnvrtc.so.13"};
  if (DIR *folder = opendir(directory().c_str())) {
    while (const dirent *entry = readdir(folder)) {
      const std::string name = entry->d_name;
      if (name.size() > 2 && !name.compare(name.size() - 2, 2, ".h")) names.push_back(name);
    }
    closedir(folder);
  }
  std::sort(names.begin(), names.end());
  std::string text = compiler();
  for (const std::string &name : names) text += '\0' + name + '\0' + text_of(directory() + "/" + name);
  return text;
}

bool write_text(const std::string &path, const std::string &text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  return bool(file.flush());
}

// The definitions among NVRTC's options, as the host's compiler takes them; false for an option that NVRTC refuses.
bool take_options(int count, const char *const *options, std::vector<std::string> &definitions, std::string &log) {
  static const std::regex architecture("(--gpu-architecture|-arch)=(sm|compute)_([0-9]+)[af]?");
  static const std::regex ignored(
      "-default-device|--?std=c\\+\\+[0-9]+|--fmad=(true|false)|--use_fast_math|-use_fast_math|--ptxas-options=.*|"
      "--device-debug|-G|--generate-line-info|-lineinfo|--maxrregcount=.*|--extra-device-vectorization|-w");
  for (int index = 0; index < count; ++index) {
    const std::string option = options[index];
    std::smatch parts;
    if (std::regex_match(option, parts, architecture)) {
      definitions.push_back("-D__CUDA_ARCH__=" + parts[3].str() + "0");
    } else if (option == "-D" && index + 1 < count) {
      definitions.push_back(std::string("-D") + options[++index]);
    } else if (option.size() > 2 && !option.compare(0, 2, "-D")) {
      definitions.push_back(option);
    } else if (!option.compare(0, 15, "--define-macro=")) {
      definitions.push_back("-D" + option.substr(15));
    } else if (!std::regex_match(option, ignored)) {
      log = "nvrtc: error: unrecognized option " + option + " found\n";
      return false;
    }
  }
  return true;
}

// The kernels that are not templates: `__global__ void name(`, where the emulation leaves the first word for this scan.
std::vector<std::string> kernel_names(const std::string &preprocessed) {
  static const std::regex kernel("__global__\\s+void\\s+([A-Za-z_][A-Za-z_0-9]*)\\s*\\(");
  std::vector<std::string> names;
  for (std::sregex_iterator found(preprocessed.begin(), preprocessed.end(), kernel), end; found != end; ++found) {
    size_t before = size_t(found->position());
    while (before > 0 && isspace((unsigned char)preprocessed[before - 1])) --before;
    const bool is_template = before > 0 && preprocessed[before - 1] == '>';
    const std::string name = (*found)[1];
    if (!is_template && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

std::string table(const std::vector<std::string> &names) {
  std::string text = "\nextern \"C\" const carina_emulation::ModuleKernel carina_emulated_module[] = {\n";
  for (const std::string &name : names) {
    text += "    carina_emulation::ModuleEntry<" + name + ">::named(\"" + name + "\"),\n";
  }
  return text + "    {}};\n";
}

struct TemporaryDirectory {
  std::string path;
  TemporaryDirectory() {
    const char *root = getenv("TMPDIR");
    path = std::string(root && *root ? root : "/tmp") + "/carina-nvrtc-XXXXXX";
    if (!mkdtemp(&path[0])) path.clear();
  }
  ~TemporaryDirectory() {
    for (const char *name : {"/source.cu", "/source.ii", "/log", "/module.so"}) unlink((path + name).c_str());
    rmdir(path.c_str());
  }
};

int compile(Program &program, const std::vector<std::string> &definitions) {
  const TemporaryDirectory files;
  if (files.path.empty()) return internal_error;
  const std::string source = files.path + "/source.cu", log = files.path + "/log";
  const std::string line = "#line 1 \"" + program.name + "\"\n";
  std::vector<std::string> common = {"-std=c++17", "-w", "-DCARINA_EMULATED", "-I" + directory(), "-include",
                                     "cuda_on_host.h", "-x", "c++"};
  common.insert(common.end(), definitions.begin(), definitions.end());

  if (!write_text(source, line + program.source)) return internal_error;
  std::vector<std::string> scan = common;
  scan.insert(scan.end(), {"-E", "-P", "-DCARINA_EMULATION_SCAN", source, "-o", files.path + "/source.ii"});
  int status = run_compiler(compiler(), scan, log);
  program.log = text_of(log);
  if (status < 0) return internal_error;
  if (status) return compilation_failed;

  const std::string kernels = table(kernel_names(text_of(files.path + "/source.ii")));
  if (!write_text(source, line + program.source + kernels)) return internal_error;
  std::vector<std::string> build = common;
  // A module's own copy of everything in the headers: nothing may be shared with other modules.
  build.insert(build.end(), {"-O2", "-g1", "-march=native", "-ffp-contract=fast", "-fPIC", "-shared", "-pthread",
                             "-fvisibility-inlines-hidden", "-Wl,-Bsymbolic", source, "-o", files.path + "/module.so"});
  status = run_compiler(compiler(), build, log);
  program.log = text_of(log);
  if (status < 0) return internal_error;
  if (status) return compilation_failed;

  const std::string library = text_of(files.path + "/module.so");
  ImageHeader header;
  memcpy(header.magic, image_magic, sizeof header.magic);
  header.bytes = library.size();
  header.checksum = image_checksum(library);
  program.image.assign(reinterpret_cast<const char *>(&header), sizeof header);
  program.image += library;
  return success;
}

}  // namespace

// The minor version is a digest of what decides an image beside its source: who keeps images by the version compiles anew
// after a change of the emulation.
CARINA_EXPORT int nvrtcVersion(int *major, int *minor) {
  *major = 13;
  *minor = int(image_checksum(environment()) >> 33);
  return success;
}

CARINA_EXPORT const char *nvrtcGetErrorString(int result) {
  switch (result) {
    case success: return "NVRTC_SUCCESS";
    case program_creation_failure: return "NVRTC_ERROR_PROGRAM_CREATION_FAILURE";
    case invalid_input: return "NVRTC_ERROR_INVALID_INPUT";
    case invalid_program: return "NVRTC_ERROR_INVALID_PROGRAM";
    case invalid_option: return "NVRTC_ERROR_INVALID_OPTION";
    case compilation_failed: return "NVRTC_ERROR_COMPILATION";
    case internal_error: return "NVRTC_ERROR_INTERNAL_ERROR";
    default: return "NVRTC_ERROR unknown";
  }
}

CARINA_EXPORT int nvrtcCreateProgram(void **program, const char *source, const char *name, int headers,
                                     const char *const *, const char *const *) {
  if (!program || !source || headers) return invalid_input;
  *program = new Program{source, name ? name : "default_program", "", ""};
  return success;
}

CARINA_EXPORT int nvrtcCompileProgram(void *handle, int count, const char *const *options) {
  if (!handle) return invalid_program;
  Program &program = *static_cast<Program *>(handle);
  std::vector<std::string> definitions;
  program.image.clear();
  if (!take_options(count, options, definitions, program.log)) return invalid_option;
  return compile(program, definitions);
}

CARINA_EXPORT int nvrtcGetProgramLogSize(void *program, size_t *bytes) {
  if (!program) return invalid_program;
  *bytes = static_cast<Program *>(program)->log.size() + 1;
  return success;
}

CARINA_EXPORT int nvrtcGetProgramLog(void *program, char *log) {
  if (!program) return invalid_program;
  const std::string &text = static_cast<Program *>(program)->log;
  memcpy(log, text.c_str(), text.size() + 1);
  return success;
}

CARINA_EXPORT int nvrtcGetCUBINSize(void *program, size_t *bytes) {
  if (!program) return invalid_program;
  *bytes = static_cast<Program *>(program)->image.size();
  return *bytes ? success : invalid_program;
}

CARINA_EXPORT int nvrtcGetCUBIN(void *program, char *image) {
  if (!program || static_cast<Program *>(program)->image.empty()) return invalid_program;
  const std::string &bytes = static_cast<Program *>(program)->image;
  memcpy(image, bytes.data(), bytes.size());
  return success;
}

CARINA_EXPORT int nvrtcDestroyProgram(void **program) {
  if (!program || !*program) return invalid_program;
  delete static_cast<Program *>(*program);
  *program = nullptr;
  return success;
}
