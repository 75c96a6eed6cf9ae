import CarinaTensor

/// Stands for a matrix in 8 bits where there are none: the backend has noted a failure, so nothing of it is used.
final class AbsentQuantizedFactor: QuantizedFactor {
  private let matrix: Tensor

  init(_ matrix: Tensor) { self.matrix = matrix }

  var storage: Storage { matrix.storage }
  var byteCount: Int { 0 }
  var columnFactors: Tensor? { nil }
  func product(_ x: Tensor) -> Tensor { Tensor(zeros: [x.rows, matrix.rows], on: x.backend) }
  func multiply(_ x: ByteRows, bias: Tensor?, summand: Tensor?, into c: Tensor) {}
  func multiplyBack(_ gradient: Tensor, into dx: Tensor) {}
  func candidates(_ x: Tensor, products: Tensor, row: Int) -> [Int] { [] }
}
