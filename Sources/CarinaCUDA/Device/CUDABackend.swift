import CCUDA
import CarinaRuntime
import CarinaTensor
import Foundation

/// A card of NVIDIA's: memory of its own from a pool, kernels compiled for it, products by cuBLASLt, all in order on one stream.
///
/// Primitives return when their work is queued. What the card reports first is kept for `throwFailure`; from then on nothing is
/// queued any more, and numbers that are read are zeros.
// Unchecked: locks guard what changes; the card's objects are used in order.
package final class CUDABackend: @unchecked Sendable {
  /// The card.
  package let device: CUDADeviceInfo
  /// See `Backend.activations`.
  package let activations: ElementType
  let libraries: CUDALibraries
  let pool: DevicePool
  let kernels: KernelCache
  let plans: MatrixPlans
  let stream: carina_cu_object?
  private let context: carina_cu_object?
  private let staging: StagingRing
  private let lock = NSLock()
  private var failure: CarinaError?
  /// Whether what failed was the card itself, which nothing can mend in this process.
  private var isLost = false
  /// Tables of rotary angles, arrays of row numbers and the like that come again, by their values.
  let kept = KeptArrays()
  /// Who times operations; nil unless asked for.
  private(set) var times: OperationTimes?

  /// Opens a card.
  /// - Parameters:
  ///   - index: its number, from 0.
  ///   - activations: the type of what layers hand on.
  /// - Throws: `CarinaError.usage` where it cannot be used.
  package init(index: Int, activations: ElementType) throws {
    libraries = try CUDALibraries.opened.get()
    let devices = CUDASurvey().devices
    guard devices.indices.contains(index) else { throw CUDAErrors.noSuchDevice(index, count: devices.count) }
    device = devices[index]
    self.activations = activations
    guard activations != .bfloat16 || device.major >= 8 else { throw CUDAErrors.noBFloat16(device) }
    let driver = libraries.driver
    var number: Int32 = 0, context: carina_cu_object?, stream: carina_cu_object?
    _ = driver.cuDeviceGet(&number, Int32(index))
    var code = driver.cuDevicePrimaryCtxRetain(&context, number)
    if code == 0 { code = driver.cuCtxSetCurrent(context) }
    // A stream that does not wait for the legacy one.
    if code == 0 { code = driver.cuStreamCreate(&stream, 1) }
    guard code == 0, let staging = StagingRing(driver, stream: stream) else {
      throw CUDAErrors.unopened(device, libraries.name(of: code))
    }
    self.context = context
    self.stream = stream
    self.staging = staging
    pool = DevicePool(driver)
    kernels = KernelCache(libraries, device)
    plans = try MatrixPlans(libraries)
  }

  /// Times every operation from here on; see `operationTimes`.
  package func startTiming() { times = OperationTimes(libraries.driver, stream: stream) }

  /// What the card took since `startTiming`, the longest first, and ends the timing.
  package func operationTimes() -> [(name: String, count: Int, milliseconds: Double)] {
    defer { times = nil }
    return times?.totals() ?? []
  }

  /// How many multiprocessors the card has.
  var multiprocessorCount: Int { device.multiprocessorCount }

  /// Whether something has failed, so that nothing more is queued.
  var hasFailed: Bool { lock.withLock { failure != nil || isLost } }

  /// Keeps a report unless there is an earlier one.
  func note(_ error: CarinaError, isLost: Bool = false) {
    lock.withLock {
      if failure == nil { failure = error }
      if isLost { self.isLost = true }
    }
  }

  /// Keeps what the driver answered, unless it is success.
  /// - Returns: whether it was.
  @discardableResult func check(_ code: Int32, _ operation: @autoclosure () -> String) -> Bool {
    guard code != 0 else { return true }
    note(CUDAErrors.failed(operation(), libraries.name(of: code)), isLost: true)
    return false
  }

  /// See `Backend`.
  package func throwFailure() throws {
    finish()
    let error = lock.withLock {
      defer { if !isLost { failure = nil } }
      return failure
    }
    if let error { throw error }
  }

  /// Waits until everything that was queued is done.
  package func finish() {
    guard !hasFailed else { return }
    makeCurrent()
    check(libraries.driver.cuStreamSynchronize(stream), "waiting for the card")
  }

  /// See `Backend`.
  package var productName: String { plans.name }

  /// See `Backend`.
  package func decoding<Result>(rows: Int, _ body: () -> Result) -> Result { body() }

  /// Makes the card's context the calling thread's.
  func makeCurrent() {
    _ = withUnsafePointer(to: libraries.functions.pointee.driver) { carina_cuda_make_current($0, context) }
  }

  /// Queues a kernel; nothing for an empty grid.
  /// - Parameter early: whether its blocks may begin before the kernel in front of it is done: it waits by itself.
  func launch(
    _ kernel: KernelName, grid: LaunchGrid, threads: Int, sharedBytes: Int = 0, early: Bool = false,
    _ arguments: [KernelArgument]
  ) {
    guard !grid.isEmpty, !hasFailed else { return }
    makeCurrent()
    do {
      let function = try kernels.function(kernel, sharedBytes: sharedBytes)
      let code = withUnsafeTemporaryAllocation(of: UInt64.self, capacity: arguments.count) { slots in
        for (index, argument) in arguments.enumerated() { slots[index] = argument.slot }
        // The arguments' memory goes back to the pool when they do, and another thread may get it at once.
        func queue() -> Int32 {
          withExtendedLifetime(arguments) {
            withUnsafePointer(to: libraries.functions.pointee.driver) { driver in
              carina_cuda_launch(
                driver, function, UInt32(grid.x), UInt32(grid.y), UInt32(grid.z), UInt32(threads),
                UInt32(sharedBytes), stream, early ? 1 : 0, slots.baseAddress, Int32(arguments.count))
            }
          }
        }
        return times?.around(kernel.function, queue) ?? queue()
      }
      check(code, "\(kernel.module.file).\(kernel.function)")
    } catch let error as CarinaError { note(error) } catch { note(CarinaError(.internalFailure, "\(error)")) }
  }

  /// Copies bytes of the host to the card, through locked pages.
  func stage(_ bytes: UnsafeRawBufferPointer, to address: UInt64) {
    guard !bytes.isEmpty, !hasFailed else { return }
    makeCurrent()
    check(staging.copy(bytes, to: address), "copying \(bytes.count) bytes to the card")
  }

  /// Numbers for a kernel, four bytes each.
  func upload(_ numbers: [Int32]) -> Tensor {
    let result = Tensor(uninitialized: [max(1, numbers.count) * 4], elementType: .uint8, on: self)
    numbers.withUnsafeBytes { stage($0, to: result.deviceAddress) }
    return result
  }

  /// The same of numbers that fit into 32 bits.
  func upload(_ numbers: [Int]) -> Tensor { upload(numbers.map { Int32(truncatingIfNeeded: $0) }) }
}

extension CUDABackend: Backend {}
