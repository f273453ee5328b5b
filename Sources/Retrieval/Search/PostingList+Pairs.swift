import Database

extension PostingList {
  /// 0 for a row that is not on the list.
  func frequency(of row: Int64) -> Float {
    var low = 0
    var high = rows.count
    while low < high {
      let middle = (low + high) / 2
      if rows[middle] < row { low = middle + 1 } else { high = middle }
    }
    return low < rows.count && rows[low] == row ? frequencies[low] : 0
  }

  /// Rows in which a word of `next` stands right behind one of this list's.
  func followed(by next: PostingList, weights: [Float]) -> PostingList {
    var found = PostingList()
    var left = 0
    var right = 0
    while left < rows.count, right < next.rows.count {
      if rows[left] < next.rows[right] {
        left += 1
      } else if rows[left] > next.rows[right] {
        right += 1
      } else {
        var frequency: Float = 0
        var second = Int(next.starts[right])
        let end = Int(next.starts[right + 1])
        for first in Int(starts[left])..<Int(starts[left + 1]) {
          let wanted = places[first] + 1
          while second < end, next.places[second] < wanted { second += 1 }
          if second < end, next.places[second] == wanted {
            let column = Int(wanted >> 28)
            frequency += column < weights.count ? weights[column] : 1
          }
        }
        if frequency > 0 {
          found.rows.append(rows[left])
          found.frequencies.append(frequency)
          found.starts.append(0)
        }
        left += 1
        right += 1
      }
    }
    return found
  }
}
