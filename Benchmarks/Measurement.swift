import Carina
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

  /// Runs `body` some times to warm up and then `repeats` times.
  init(_ name: String, _ work: Work, repeats: Int, on device: Device, _ body: () -> Void) throws {
    self.name = name
    self.work = work
    seconds = try Measurement.seconds(repeats: repeats, isShort: true, on: device, body).sorted()[repeats / 2]
  }

  /// Wall seconds of each run after some to warm up: where frozen weights are packed at their second use, two.
  ///
  /// - Parameter isShort: whether a run may be as short as waiting for a card is; it is then done many times between two
  ///   looks at the clock.
  /// - Throws: what the device reports.
  static func seconds(
    repeats: Int, warmUps: Int = 1, isShort: Bool = false, on device: Device, _ body: () -> Void
  ) throws -> [Double] {
    func time(_ count: Int) throws -> Double {
      let start = DispatchTime.now().uptimeNanoseconds
      for _ in 0..<count { body() }
      try device.synchronize()
      return Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9 / Double(count)
    }
    // A card takes a few to compile kernels, choose algorithms and come to its clock.
    for _ in 0..<(device.isProcessor ? warmUps : max(warmUps, 3)) { body() }
    try device.synchronize()
    let count = isShort && !device.isProcessor ? max(1, min(200, Int(4e-3 / max(try time(2), 1e-7)))) : 1
    return try (0..<repeats).map { _ in try time(count) }
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
