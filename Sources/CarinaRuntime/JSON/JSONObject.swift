/// Names and values of a JSON object, in the order in which they were written.
///
/// Names are compared byte by byte: two spellings of one accented letter are two names.
public struct JSONObject: Sendable, Sequence {
  /// The names in order.
  public private(set) var keys: [String] = []
  /// The values in the order of `keys`.
  public private(set) var values: [JSONValue] = []
  private var positions: [ExactText: Int]?

  /// Below this many names a walk over all is quicker than a table.
  private static let smallCount = 12

  /// An object without names.
  public init() {}

  /// An object of pairs; of a repeated name the last value counts, where the name stood first.
  public init(_ pairs: [(String, JSONValue)]) {
    for (key, value) in pairs { self[key] = value }
  }

  /// How many names there are.
  public var count: Int { keys.count }
  /// Whether there is none.
  public var isEmpty: Bool { keys.isEmpty }

  /// The value of a name. Setting adds at the end or replaces the value where it stands; setting nil removes.
  public subscript(_ key: String) -> JSONValue? {
    get { position(of: key).map { values[$0] } }
    set {
      switch (position(of: key), newValue) {
      case (let position?, let value?): values[position] = value
      case (nil, let value?): append(key, value)
      case (let position?, nil):
        keys.remove(at: position)
        values.remove(at: position)
        positions = nil
        if count > Self.smallCount { buildTable() }
      case (nil, nil): break
      }
    }
  }

  /// Goes over the pairs in order.
  public func makeIterator() -> AnyIterator<(key: String, value: JSONValue)> {
    var pairs = zip(keys, values).makeIterator()
    return AnyIterator { pairs.next().map { (key: $0.0, value: $0.1) } }
  }

  /// Adds a pair unless the name is there; says whether it was added.
  mutating func insert(_ key: String, _ value: JSONValue) -> Bool {
    guard position(of: key) == nil else { return false }
    append(key, value)
    return true
  }

  private mutating func append(_ key: String, _ value: JSONValue) {
    keys.append(key)
    values.append(value)
    if positions != nil {
      let last = keys.count - 1
      positions?[ExactText(key)] = last
    } else if count > Self.smallCount {
      buildTable()
    }
  }

  private mutating func buildTable() {
    var table = [ExactText: Int](minimumCapacity: count * 2)
    for (position, key) in keys.enumerated() { table[ExactText(key)] = position }
    positions = table
  }

  private func position(of key: String) -> Int? {
    if let positions { return positions[ExactText(key)] }
    let wanted = ExactText(key)
    return keys.firstIndex { ExactText($0) == wanted }
  }
}

extension JSONObject: Equatable {
  /// Equal names in equal order with equal values.
  public static func == (left: JSONObject, right: JSONObject) -> Bool {
    left.count == right.count && zip(left.keys, right.keys).allSatisfy { ExactText($0) == ExactText($1) }
      && left.values == right.values
  }
}
