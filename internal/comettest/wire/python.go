package wire

import "bytes"

// pythonNumbers are what Python writes of floats for which JSON has no form.
var pythonNumbers = [][]byte{[]byte("NaN"), []byte("-Infinity"), []byte("Infinity")}

// QuoteNumbers returns JSON with such numbers as texts: a client sends them bare.
func QuoteNumbers(doc []byte) []byte {
	if !bytes.Contains(doc, pythonNumbers[0]) && !bytes.Contains(doc, pythonNumbers[2]) {
		return doc
	}
	quoted := make([]byte, 0, len(doc)+64)
	inString := false
	for i := 0; i < len(doc); i++ {
		switch c := doc[i]; {
		case inString && c == '\\' && i+1 < len(doc):
			quoted = append(quoted, c)
			i++
		case c == '"':
			inString = !inString
		case !inString:
			if n := pythonNumber(doc[i:]); n > 0 {
				quoted = append(append(append(quoted, '"'), doc[i:i+n]...), '"')
				i += n - 1
				continue
			}
		}
		quoted = append(quoted, doc[i])
	}
	return quoted
}

// pythonNumber is the length of the one at the start of doc, 0 if there is none.
func pythonNumber(doc []byte) int {
	for _, n := range pythonNumbers {
		if bytes.HasPrefix(doc, n) {
			return len(n)
		}
	}
	return 0
}
