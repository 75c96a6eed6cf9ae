import Foundation

/// What an operation must do at the least: multiply, or move bytes.
enum Work {
  /// Floating-point operations of its matrix products, and whether they are in bfloat16.
  case products(Double, isBFloat16: Bool)
  /// Bytes read and written once each.
  case bytes(Double)
}

/// One measured operation.
struct Measurement {
  let name: String
  let work: Work
  /// Median over the runs.
  let seconds: Double

  /// Runs `body` once to warm up and then `repeats` times.
  init(_ name: String, _ work: Work, repeats: Int, _ body: () -> Void) {
    self.name = name
    self.work = work
    seconds = Measurement.seconds(repeats: repeats, body).sorted()[repeats / 2]
  }

  /// Wall seconds of each run after some to warm up: where frozen weights are packed at their second use, two.
  static func seconds(repeats: Int, warmUps: Int = 1, _ body: () -> Void) -> [Double] {
    for _ in 0..<warmUps { body() }
    return (0..<repeats).map { _ in
      let start = DispatchTime.now().uptimeNanoseconds
      body()
      return Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
    }
  }

  /// Seconds that the processor's cores have worked for this process so far, all threads together.
  static var coreSeconds: Double { Double(clock()) / Double(CLOCKS_PER_SEC) }

  /// The rate reached: a number of billions a second, and its unit.
  var rate: (value: Double, unit: String) {
    switch work {
    case .products(let count, _): return (count / seconds * 1e-9, "GFLOP/s")
    case .bytes(let count): return (count / seconds * 1e-9, "GB/s")
    }
  }
}
