/// Where each of several runs begins that lie one after the other, the first at 0.
struct RunStarts: Equatable, Sendable {
  private let starts: [Int]
  /// How many elements all runs have.
  let count: Int

  /// Runs of these lengths.
  init(_ lengths: [Int]) {
    var (starts, count) = ([Int](), 0)
    for length in lengths {
      starts.append(count)
      count += length
    }
    (self.starts, self.count) = (starts, count)
  }

  /// Where a run begins.
  subscript(_ run: Int) -> Int { starts[run] }

  /// The run that holds an element, and the element's index in it.
  func locate(_ index: Int) -> (run: Int, index: Int) {
    precondition((0..<count).contains(index), "row out of range")
    var (low, high) = (0, starts.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= index { low = middle } else { high = middle }
    }
    return (low, index - starts[low])
  }
}
