import CarinaRuntime
import CarinaTensor

/// Fresh weights from a seed; each weight's numbers depend on its name and the seed alone.
package final class RandomParameterSource: ParameterSource {
  private let seed: UInt64
  private let precision: ElementType
  private let backend: any Backend

  /// A source with a seed; `precision` is how matrices are held, norms and biases are fp32.
  package init(seed: UInt64, precision: ElementType = .float32, on backend: any Backend) {
    self.seed = seed
    self.precision = precision
    self.backend = backend
  }

  /// See `ParameterSource`.
  package func parameter(_ name: String, shape: [Int], decays: Bool, initialization: Initialization) -> Parameter {
    let value = Tensor(shape, on: backend) { bytes in
      let numbers = bytes.bindMemory(to: Float.self)
      switch initialization {
      case .constant(let constant): numbers.initialize(repeating: constant)
      case .normal(let standardDeviation):
        var generator = SeededGenerator(seed: seed, stream: "weights." + name)
        for index in numbers.indices { numbers[index] = Float(standardDeviation * generator.normal()) }
      }
    }
    return Parameter(name: name, value: shape.count > 1 ? value.converted(to: precision) : value, decays: decays)
  }
}
