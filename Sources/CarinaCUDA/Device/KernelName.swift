/// A kernel: the file that it stands in, its function, and what the file is specialised by.
struct KernelName: Hashable {
  /// The module: a file of `Kernels` without its ending, and definitions such as "HEAD_SIZE=72".
  struct Module: Hashable {
    let file: String
    let defines: [String]
  }

  let module: Module
  let function: String

  // Functions have names of their own in nearly all modules, and a kernel is looked up at each launch.
  func hash(into hasher: inout Hasher) { hasher.combine(function) }

  init(_ file: String, _ function: String, _ defines: [String] = []) {
    module = Module(file: file, defines: defines)
    self.function = function
  }
}
