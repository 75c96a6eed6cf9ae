/// A binary heap that gives the smallest element first.
struct BinaryHeap<Element: Comparable> {
  private var elements: [Element]

  /// A heap of these elements, built in linear time.
  init(_ elements: [Element] = []) {
    self.elements = elements
    for index in stride(from: elements.count / 2 - 1, through: 0, by: -1) { sink(index) }
  }

  /// Adds an element.
  mutating func push(_ element: Element) {
    elements.append(element)
    var index = elements.count - 1
    while index > 0, element < elements[(index - 1) / 2] {
      elements[index] = elements[(index - 1) / 2]
      index = (index - 1) / 2
    }
    elements[index] = element
  }

  /// Removes the smallest element.
  mutating func pop() -> Element? {
    guard let top = elements.first else { return nil }
    let last = elements.removeLast()
    if !elements.isEmpty {
      elements[0] = last
      sink(0)
    }
    return top
  }

  private mutating func sink(_ start: Int) {
    elements.withUnsafeMutableBufferPointer { elements in
      var index = start
      let element = elements[index]
      while true {
        var child = 2 * index + 1
        guard child < elements.count else { break }
        if child + 1 < elements.count, elements[child + 1] < elements[child] { child += 1 }
        guard elements[child] < element else { break }
        elements[index] = elements[child]
        index = child
      }
      elements[index] = element
    }
  }
}
