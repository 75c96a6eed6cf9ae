/// Makes names unique: a repeated one gets `#2`, `#3`, … Only hashes are kept, not the names:
/// of two names with the same hash the second gets a suffix that it does not need, and nothing else changes.
struct UniqueNames {
  private var taken = Set<NameHash>()
  private var repeats: [NameHash: Int] = [:]

  /// The number after the mark that makes a name unique; 0 when it needs none.
  mutating func suffix(_ name: NameHash) -> Int {
    guard !taken.insert(name).inserted else { return 0 }
    var number = repeats[name] ?? 1
    repeat { number += 1 } while !taken.insert(name.followed(by: "#\(number)")).inserted
    repeats[name] = number
    return number
  }

  /// A name with the suffix of a number.
  static func name(_ name: String, _ suffix: Int) -> String { suffix == 0 ? name : "\(name)#\(suffix)" }
}
