/// Makes names unique: a repeated one gets `#2`, `#3`, … Eight bytes a name are held, not the names; should two names have
/// one hash, the later is taken for a repeated one, which changes its suffix and nothing else.
struct UniqueNames {
  private var taken = Set<NameHash>()
  private var repeats: [NameHash: Int] = [:]

  /// The name, or with a suffix when it was there before.
  mutating func unique(_ name: String) -> String {
    var result = name
    while !taken.insert(NameHash(result)).inserted {
      repeats[NameHash(name), default: 1] += 1
      result = "\(name)#\(repeats[NameHash(name)] ?? 2)"
    }
    return result
  }
}
