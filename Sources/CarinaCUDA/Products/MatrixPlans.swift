import CCUDA
import CarinaRuntime
import CarinaTensor
import Foundation

/// Products of matrices by cuBLASLt, an algorithm chosen once for each shape.
// Unchecked: the lock guards everything that changes.
final class MatrixPlans: @unchecked Sendable {
  struct Shape: Hashable {
    let m: Int, n: Int, k: Int
    let aStride: Int, bStride: Int, dStride: Int
    let aTransposed: Bool, bTransposed: Bool
    let factors: ElementType, result: ElementType
    let epilogue: Int32, bias: ElementType
    /// Bytes.
    let alignment: Int
  }

  let name: String
  let handle: carina_cu_object?
  private let libraries: CUDALibraries
  private let lock = NSLock(), use = NSLock()
  private var plans: [Shape: UnsafeMutablePointer<carina_matrix_plan>] = [:]
  /// Shapes for which there is no algorithm.
  private var impossible: Set<Shape> = []
  /// Memory that algorithms may use besides.
  static let workspaceByteCount = 64 << 20

  init(_ libraries: CUDALibraries) throws {
    self.libraries = libraries
    var handle: carina_cu_object?
    let code = libraries.products.pointee.cublasLtCreate(&handle)
    guard code == 0 else { throw CUDAErrors.failed("starting cuBLASLt", "status \(code)") }
    self.handle = handle
    let version = libraries.products.pointee.cublasLtGetVersion()
    name = "cuBLASLt \(version / 10000).\(version / 100 % 100).\(version % 100)"
  }

  /// Runs what uses a plan while no other thread does.
  func running<Result>(_ body: () -> Result) -> Result { use.withLock(body) }

  /// The plan of a shape; nil where cuBLASLt has no algorithm for it.
  func plan(_ shape: Shape) -> UnsafeMutablePointer<carina_matrix_plan>? {
    lock.withLock {
      if let plan = plans[shape] { return plan }
      if impossible.contains(shape) { return nil }
      var description = carina_matrix_shape(
        m: Int64(shape.m), n: Int64(shape.n), k: Int64(shape.k), aStride: Int64(shape.aStride),
        bStride: Int64(shape.bStride), dStride: Int64(shape.dStride), aTransposed: shape.aTransposed ? 1 : 0,
        bTransposed: shape.bTransposed ? 1 : 0, factorType: shape.factors == .bfloat16 ? 1 : 0,
        resultType: shape.result == .bfloat16 ? 1 : 0, epilogue: shape.epilogue,
        biasType: shape.bias == .bfloat16 ? 1 : 0, alignment: Int32(shape.alignment))
      let plan = UnsafeMutablePointer<carina_matrix_plan>.allocate(capacity: 1)
      plan.initialize(to: carina_matrix_plan())
      let code = carina_matrix_prepare(
        libraries.products, handle, &description, MatrixPlans.workspaceByteCount, plan)
      guard code == 0 else {
        plan.deallocate()
        impossible.insert(shape)
        return nil
      }
      plans[shape] = plan
      return plan
    }
  }
}
