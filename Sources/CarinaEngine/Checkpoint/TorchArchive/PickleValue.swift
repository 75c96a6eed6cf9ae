/// A value on the stack of `PickleMachine`.
enum PickleValue {
  /// A dictionary under construction, or done.
  final class Dictionary {
    var items: [(key: PickleValue, value: PickleValue)] = []
    /// Levels of values in it.
    var depth = 1
    /// Once it is part of another value nothing is added: no value can become a part of itself.
    var isSealed = false
  }

  case none
  case bool(Bool)
  case integer(Int)
  case text(String)
  case tuple([PickleValue], depth: Int)
  case dictionary(Dictionary)
  /// One of the callables that are known.
  case callable(PickleCallable)
  /// The type of a storage.
  case storageType(SafetensorsElement)
  case storage(SafetensorsElement, key: String, count: Int)
  case tensor(TorchPickle.TensorDescription)

  /// Levels of values in it.
  var depth: Int {
    switch self {
    case .tuple(_, let depth): depth
    case .dictionary(let dictionary): dictionary.depth
    default: 0
    }
  }

  /// What it is, for errors.
  var kindName: String {
    switch self {
    case .none: "None"
    case .bool: "a truth value"
    case .integer: "a number"
    case .text: "a text"
    case .tuple: "a tuple"
    case .dictionary: "a dictionary"
    case .callable(let callable): callable.rawValue
    case .storageType: "a storage's type"
    case .storage: "a storage"
    case .tensor: "a tensor"
    }
  }

  var integer: Int? { if case .integer(let value) = self { value } else { nil } }
  var text: String? { if case .text(let value) = self { value } else { nil } }
  var tuple: [PickleValue]? { if case .tuple(let values, _) = self { values } else { nil } }
}

/// The names that `torch.save` writes for what is called when a dictionary of tensors is read.
enum PickleCallable: String {
  case orderedDictionary = "collections.OrderedDict"
  case tensor = "torch._utils._rebuild_tensor_v2"
  case parameter = "torch._utils._rebuild_parameter"
}
