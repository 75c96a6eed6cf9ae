import CarinaTensor

/// The tensors of one launch on the card: what the kernel needs to know of each, and which blocks of threads are whose.
struct TensorTable {
  /// The entries; then, where the blocks of each tensor begin and the last one's end.
  let entries: Tensor, starts: Tensor
  private let count: Int

  /// - Parameters:
  ///   - entries: of each tensor as many words, as the kernel's struct has them.
  ///   - starts: the number of each tensor's first block, and the number of all blocks.
  init(_ entries: [[UInt64]], starts: [Int], on backend: CUDABackend) {
    precondition(starts.count == entries.count + 1, "\(starts.count) starts of \(entries.count) tensors")
    count = entries.count
    // One copy for both.
    let words = entries.flatMap { $0.flatMap { [Int32(truncatingIfNeeded: $0), Int32(truncatingIfNeeded: $0 >> 32)] } }
    let all = backend.upload(words + starts.map { Int32($0) })
    self.entries = all.elementSlice(0..<4 * words.count)
    self.starts = all.elementSlice(4 * words.count..<4 * (words.count + starts.count))
  }

  /// The first three arguments of the kernel: both arrays and how many tensors there are.
  var arguments: [KernelArgument] { [.tensor(entries), .tensor(starts), .int32(count)] }
}
