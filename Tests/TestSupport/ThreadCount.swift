import Carina

/// Runs `body` with a team of `count` threads and restores the former size.
public func withThreads<Result>(_ count: Int, _ body: () throws -> Result) rethrows -> Result {
  let before = ThreadTeam.count
  ThreadTeam.count = count
  defer { ThreadTeam.count = before }
  return try body()
}
