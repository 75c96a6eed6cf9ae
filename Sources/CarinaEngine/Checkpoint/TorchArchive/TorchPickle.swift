import CarinaRuntime

/// Reads the `data.pkl` of a torch archive, a dictionary of tensors, without executing anything: of the language of Python's
/// `pickle` (PEP 307, PEP 3154) it knows what `torch.save` writes for such a dictionary, and refuses the rest by name.
///
/// A callable is one of five names that stand for values here; nothing is looked up, imported or called. Each operation
/// adds at most one value, values are shared and never copied, and dictionaries and tuples are at most 16 deep, so
/// that memory and time are those of a few times the text's length.
struct TorchPickle {
  /// A tensor as the text describes it.
  struct TensorDescription: Equatable {
    /// How its numbers are stored.
    let element: SafetensorsElement
    /// The name of the entry with the numbers, and how many it holds.
    let storage: String, storageCount: Int
    /// The first number, the lengths of the dimensions, slowest first, and the steps along them in numbers.
    let offset: Int, shape: [Int], strides: [Int]
  }

  /// Names and tensors in the order of the text.
  let tensors: [(name: String, tensor: TensorDescription)]

  /// How long a text may be.
  static let mostBytes = 4 << 20
  static let deepest = 16

  /// Reads a text.
  /// - Parameter source: names the file in errors.
  /// - Throws: `CarinaError.badData` for what is cut short or too long, no dictionary of tensors, or names something else.
  init(_ bytes: UnsafeRawBufferPointer, source: String) throws {
    guard bytes.count <= TorchPickle.mostBytes else {
      throw CarinaError(
        .badData, "the description of the tensors is too long", at: "\(source), data.pkl",
        expected: "at most \(TorchPickle.mostBytes) bytes",
        found: "\(bytes.count)")
    }
    var machine = PickleMachine(bytes: bytes, source: source)
    let result = try machine.run()
    guard case .dictionary(let dictionary) = result else {
      throw machine.refusal("this is no dictionary of tensors", found: result.kindName)
    }
    tensors = try dictionary.items.map { key, value in
      guard case .text(let name) = key else {
        throw machine.refusal("a key of the dictionary is no text", found: key.kindName)
      }
      guard case .tensor(let tensor) = value else {
        throw machine.refusal(
          "under \(name) lies no tensor", expected: "a state_dict: names and tensors, nothing else",
          found: value.kindName)
      }
      return (name, tensor)
    }
  }
}
