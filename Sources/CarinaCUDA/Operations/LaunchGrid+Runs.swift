import CarinaTensor

extension LaunchGrid {
  /// Threads of a block where a kernel needs no number of its own.
  static let threads = 256

  /// Numbers that a thread takes at once where tensors of these types are met at the same index (`run_of`).
  static func runLength(_ tensors: [Tensor]) -> Int {
    tensors.allSatisfy { $0.elementType == .bfloat16 } ? 8 : 4
  }

  /// Blocks for `for_each_run`.
  static func runs(_ count: Int, _ tensors: [Tensor]) -> LaunchGrid {
    LaunchGrid(min((count + runLength(tensors) * threads - 1) / (runLength(tensors) * threads), Int(Int32.max)))
  }

  /// Blocks for `for_each_row_run`, and their threads.
  static func rowRuns(rows: Int, width: Int, _ tensors: [Tensor]) -> (grid: LaunchGrid, threads: Int) {
    let runs = (width + runLength(tensors) - 1) / runLength(tensors)
    let threads = min(LaunchGrid.threads, (runs + 31) / 32 * 32)
    guard threads > 0 else { return (LaunchGrid(0), 32) }
    return (LaunchGrid(min((runs + threads - 1) / threads, Int(Int32.max)), min(rows, 65535)), threads)
  }
}

extension CUDABackend {
  /// A kernel's name: a function by the types of its tensors.
  func kernel(_ file: String, _ function: String, _ tensors: Tensor...) -> KernelName {
    KernelName(file, "\(function)_\(tensors.map(\.letter).joined())")
  }

  /// Calls `body` with x and a gradient of x's type: the norms' kernels have no others, since the model needs none.
  func withGradient(of x: Tensor, into dx: Tensor, _ body: (_ x: Tensor, _ dx: Tensor) -> Void) {
    if x.elementType == dx.elementType {
      body(x, dx)
    } else if dx.elementType == .float32 {
      body(x.converted(to: .float32), dx)
    } else {
      let wide = Tensor(uninitialized: dx.shape, on: self)
      body(x, wide)
      convert(wide, into: dx)
    }
  }
}
