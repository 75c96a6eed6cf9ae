import CarinaTensor

/// How the rows of a norm are given to threads: a warp a row where rows are short, otherwise a block; `row_teams.cuh` says more.
struct NormLayout {
  /// Threads that share a row, and threads and blocks in all.
  let team: Int, threads: Int, blocks: Int
  /// Whether rows stay in registers.
  let isKept: Bool

  /// - Parameters:
  ///   - activations: the tensors of rows, whose types decide how many numbers a thread takes at once.
  ///   - others: other tensors that are read along with them.
  ///   - sumsColumns: whether blocks also sum over their rows, so that there should be few of them.
  ///   - mostThreads: the most that a block of the kernel may have.
  init(
    rows: Int, width: Int, _ activations: [Tensor], others: [Tensor] = [], sumsColumns: Bool = false,
    mostThreads: Int = 512
  ) {
    let length = LaunchGrid.runLength(activations), most = 16 / length, runs = width / length
    let isAligned = width % length == 0 && (activations + others).allSatisfy { $0.deviceAddress % 16 == 0 }
    var team = 256
    var isKept = false
    if isAligned && runs <= 32 * most {
      (team, isKept) = (32, true)
    } else if isAligned {
      // The size that leaves the fewest threads idle, of equals the smallest.
      var best = 0.0
      for passes in 1...most {
        let size = ((runs + passes - 1) / passes + 31) / 32 * 32, share = Double(runs) / Double(size * passes)
        if size <= mostThreads, size >= 64, share >= best { (team, isKept, best) = (size, true, share) }
      }
    }
    self.team = team
    self.isKept = isKept
    threads = team == 32 ? 128 : team
    let teams = threads / team, wanted = (rows + teams - 1) / teams
    // Six blocks for each of a large card's multiprocessors, and whatever the card the same sums.
    blocks = sumsColumns ? min(wanted, 792) : min(wanted, Int(Int32.max))
  }

  /// The last arguments of the kernels.
  func arguments(rows: Int, width: Int) -> [KernelArgument] {
    [.int64(rows), .int32(width), .int32(team), .int32(isKept ? 1 : 0)]
  }
}
