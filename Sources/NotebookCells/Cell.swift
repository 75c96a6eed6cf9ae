/// One cell of a percent-format script.
public struct Cell: Equatable, Sendable {}
