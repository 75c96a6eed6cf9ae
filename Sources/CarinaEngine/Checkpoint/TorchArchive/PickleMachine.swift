import CarinaRuntime

/// The stack machine of a pickle, as far as `TorchPickle` needs it.
struct PickleMachine {
  let bytes: UnsafeRawBufferPointer
  let source: String
  private var offset = 0
  private var stack: [PickleValue] = [], marks: [Int] = []
  private var memory: [Int: PickleValue] = [:]

  init(bytes: UnsafeRawBufferPointer, source: String) {
    self.bytes = bytes
    self.source = source
  }

  /// The value that the text ends with.
  mutating func run() throws -> PickleValue {
    while true {
      let start = offset, code = try byte()
      switch code {
      case UInt8(ascii: "."):
        guard stack.count == 1, let result = stack.first, marks.isEmpty else {
          throw refusal("the description of the tensors does not end in one value", found: "\(stack.count)")
        }
        return result
      case 0x80:
        let version = try byte()
        guard version <= 5 else {
          throw refusal("the pickle is of an unknown version", expected: "2 to 5", found: "\(version)")
        }
      case 0x95: _ = try take(8)
      case UInt8(ascii: "("): marks.append(stack.count)
      case UInt8(ascii: "N"): stack.append(.none)
      case 0x88: stack.append(.bool(true))
      case 0x89: stack.append(.bool(false))
      case UInt8(ascii: "K"): stack.append(.integer(try number(1)))
      case UInt8(ascii: "M"): stack.append(.integer(try number(2)))
      case UInt8(ascii: "J"): stack.append(.integer(Int(Int32(truncatingIfNeeded: try number(4)))))
      case 0x8a: stack.append(.integer(try longInteger()))
      case UInt8(ascii: "X"): stack.append(.text(try text(try number(4))))
      case 0x8c: stack.append(.text(try text(try number(1))))
      case UInt8(ascii: ")"): stack.append(.tuple([], depth: 1))
      case UInt8(ascii: "t"): try pushTuple(try aboveMark())
      case 0x85...0x87: try pushTuple(try pop(Int(code) - 0x84))
      case UInt8(ascii: "}"): stack.append(.dictionary(PickleValue.Dictionary()))
      case UInt8(ascii: "s"):
        let pair = try pop(2)
        try add(pair)
      case UInt8(ascii: "u"):
        let pairs = try aboveMark()
        try add(pairs)
      case UInt8(ascii: "q"): try memorize(try number(1))
      case UInt8(ascii: "r"): try memorize(try number(4))
      case 0x94: try memorize(memory.count)
      case UInt8(ascii: "h"): try recall(try number(1))
      case UInt8(ascii: "j"): try recall(try number(4))
      case UInt8(ascii: "c"): stack.append(try global("\(try line()).\(try line())"))
      case 0x93:
        let names = try pop(2)
        guard let module = names[0].text, let name = names[1].text else { throw unexpected("a global's name", names) }
        stack.append(try global("\(module).\(name)"))
      case UInt8(ascii: "Q"): stack.append(try storage(try pop(1)[0]))
      case UInt8(ascii: "R"): try call()
      case UInt8(ascii: "b"): try setAttributes()
      default:
        throw refusal(
          "the pickle has an operation that no dictionary of tensors needs",
          found: "0x\(String(code, radix: 16)) at byte \(start)", remedy: TorchArchive.resave)
      }
    }
  }

  // MARK: - Bytes

  private mutating func take(_ count: Int) throws -> UnsafeRawBufferPointer {
    guard count <= bytes.count - offset else { throw refusal("the description of the tensors is cut short") }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
  }

  private mutating func byte() throws -> UInt8 { try take(1)[0] }

  /// A little-endian number of up to 4 bytes.
  private mutating func number(_ count: Int) throws -> Int {
    try take(count).reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  /// A number in two's complement of as many bytes as the first says.
  private mutating func longInteger() throws -> Int {
    let digits = try take(try number(1))
    guard digits.count <= 8 else {
      throw refusal("a number of the pickle is too large", found: "\(digits.count) bytes")
    }
    guard let last = digits.last else { return 0 }
    return digits.reversed().reduce(last >= 0x80 ? -1 : 0) { $0 << 8 | Int($1) }
  }

  private mutating func text(_ count: Int) throws -> String {
    guard let text = String(validating: try take(count), as: UTF8.self) else {
      throw refusal("a text of the pickle is no UTF-8")
    }
    return text
  }

  private mutating func line() throws -> String {
    guard let end = bytes[offset...].firstIndex(of: UInt8(ascii: "\n")) else {
      throw refusal("the description of the tensors is cut short")
    }
    let line = try text(end - offset)
    offset += 1
    return line
  }

  // MARK: - The stack

  /// The last values, none of which lies below the newest mark.
  private mutating func pop(_ count: Int) throws -> [PickleValue] {
    guard stack.count - (marks.last ?? 0) >= count else {
      throw refusal("the pickle takes values that are not there")
    }
    let values = Array(stack.suffix(count))
    stack.removeLast(count)
    return values
  }

  private mutating func aboveMark() throws -> [PickleValue] {
    guard let mark = marks.popLast() else { throw refusal("the pickle takes values that are not there") }
    let values = Array(stack[mark...])
    stack.removeLast(stack.count - mark)
    return values
  }

  private mutating func memorize(_ index: Int) throws {
    guard let value = stack.last else { throw refusal("the pickle takes values that are not there") }
    memory[index] = value
  }

  private mutating func recall(_ index: Int) throws {
    guard let value = memory[index] else { throw refusal("the pickle refers to a value that it does not have") }
    stack.append(value)
  }

  private mutating func pushTuple(_ values: [PickleValue]) throws {
    stack.append(.tuple(values, depth: 1 + (try deepest(values))))
  }

  /// The depth of the deepest value, none of which will change from here on.
  private func deepest(_ values: [PickleValue]) throws -> Int {
    var deepest = 0
    for value in values {
      if case .dictionary(let dictionary) = value { dictionary.isSealed = true }
      deepest = max(deepest, value.depth)
    }
    guard deepest < TorchPickle.deepest else {
      throw refusal("values lie too deep in each other", expected: "at most \(TorchPickle.deepest) levels")
    }
    return deepest
  }

  /// Adds keys and values to the dictionary on top.
  private func add(_ pairs: [PickleValue]) throws {
    guard let top = stack.last, case .dictionary(let dictionary) = top, !dictionary.isSealed, pairs.count % 2 == 0
    else {
      throw refusal("the pickle sets values where there is no dictionary", found: stack.last?.kindName)
    }
    let deepest = try deepest(pairs)
    guard !dictionary.isSealed else { throw refusal("a dictionary is a part of itself") }
    dictionary.depth = max(dictionary.depth, 1 + deepest)
    for index in stride(from: 0, to: pairs.count, by: 2) { dictionary.items.append((pairs[index], pairs[index + 1])) }
  }

  /// Attributes of a dictionary, such as the `_metadata` of a state_dict, say nothing of the numbers.
  private mutating func setAttributes() throws {
    let state = try pop(1)[0]
    guard case .dictionary = state, let top = stack.last, case .dictionary = top else {
      throw refusal("the pickle sets attributes of something else than a dictionary", found: stack.last?.kindName)
    }
  }

  // MARK: - What stands for Python's objects

  private func global(_ name: String) throws -> PickleValue {
    if let callable = PickleCallable(rawValue: name) { return .callable(callable) }
    if let element = PickleMachine.storages[name] { return .storageType(element) }
    throw refusal(
      "the file names something of Python that is no part of a dictionary of tensors, and nothing of it is executed",
      expected: "a state_dict: names and tensors, nothing else", found: name, remedy: TorchArchive.resave)
  }

  private static let storages: [String: SafetensorsElement] = [
    "torch.FloatStorage": .float32, "torch.DoubleStorage": .float64, "torch.HalfStorage": .float16,
    "torch.BFloat16Storage": .bfloat16, "torch.LongStorage": .int64, "torch.IntStorage": .int32,
    "torch.ShortStorage": .int16, "torch.CharStorage": .int8, "torch.ByteStorage": .uint8, "torch.BoolStorage": .bool,
  ]

  private func storage(_ identity: PickleValue) throws -> PickleValue {
    guard let parts = identity.tuple, parts.count == 5, parts[0].text == "storage",
      case .storageType(let element) = parts[1], let key = parts[2].text, parts[3].text != nil,
      let count = parts[4].integer, count >= 0
    else { throw unexpected("a storage", [identity]) }
    return .storage(element, key: key, count: count)
  }

  private mutating func call() throws {
    let values = try pop(2)
    guard case .callable(let callable) = values[0], let arguments = values[1].tuple else {
      throw unexpected("a call", values)
    }
    switch callable {
    case .orderedDictionary:
      guard arguments.isEmpty else { throw unexpected("an OrderedDict", arguments) }
      stack.append(.dictionary(PickleValue.Dictionary()))
    case .tensor: stack.append(.tensor(try tensor(arguments)))
    case .parameter:
      guard arguments.count == 3, case .tensor = arguments[0] else { throw unexpected("a parameter", arguments) }
      stack.append(arguments[0])
    }
  }

  /// `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks[, metadata])`.
  private func tensor(_ arguments: [PickleValue]) throws -> TorchPickle.TensorDescription {
    guard (6...7).contains(arguments.count), case .storage(let element, let key, let count) = arguments[0],
      let offset = arguments[1].integer, let sizes = arguments[2].tuple, let steps = arguments[3].tuple
    else { throw unexpected("a tensor", arguments) }
    if arguments.count == 7 {
      // Of conjugate and negated views the numbers in the file are not those of the tensor.
      switch arguments[6] {
      case .none: break
      case .dictionary(let marks) where marks.items.isEmpty: break
      default: throw refusal("a tensor is a view that its numbers do not show", remedy: TorchArchive.resave)
      }
    }
    let shape = sizes.compactMap(\.integer), strides = steps.compactMap(\.integer)
    guard shape.count == sizes.count, strides.count == steps.count, shape.count == strides.count, shape.count <= 8
    else {
      throw unexpected("a tensor", arguments)
    }
    return TorchPickle.TensorDescription(
      element: element, storage: key, storageCount: count, offset: offset, shape: shape, strides: strides)
  }

  // MARK: - Errors

  func refusal(
    _ what: String, expected: String? = nil, found: String? = nil, remedy: String? = nil
  ) -> CarinaError {
    CarinaError(.badData, what, at: "\(source), data.pkl", expected: expected, found: found, remedy: remedy)
  }

  private func unexpected(_ what: String, _ found: [PickleValue]) -> CarinaError {
    refusal(
      "the description of \(what) is not as torch.save writes it",
      found: found.prefix(8).map(\.kindName).joined(separator: ", "),
      remedy: TorchArchive.resave)
  }
}
