package wire

import (
	"encoding/json"
	"reflect"
	"strings"
	"sync"
)

// Parse returns the struct that a JSON object fills. The tags of its fields name
// their members:
//
//	type Asset struct {
//		Raw  json.RawMessage `wire:"."`       // the whole object
//		Name string          `wire:"fileName"`
//		Step *int64          `wire:"step"`
//		Link *string         `wire:"link url"` // either
//	}
//
// Values are read as by [TextOf], [IntOf], [BoolOf] and [TextsOf], a struct and a list
// of structs as by Parse, a RawMessage as it is. What is null, or nothing for the type
// of its field, leaves that as it is. data must be valid JSON, and not be changed.
func Parse[T any](data []byte) T {
	var x T
	fill(reflect.ValueOf(&x).Elem(), data)
	return x
}

// fieldsOf has the fields of each struct type by the names of their members.
var fieldsOf sync.Map

func fill(x reflect.Value, data []byte) {
	known, ok := fieldsOf.Load(x.Type())
	if !ok {
		known, _ = fieldsOf.LoadOrStore(x.Type(), namesOf(x.Type()))
	}
	fields := known.(map[string]int)
	if i, ok := fields["."]; ok {
		x.Field(i).SetBytes(data)
	}
	Members(data, func(name string, v []byte) {
		if i, ok := fields[name]; ok && name != "." {
			set(x.Field(i), v)
		}
	})
}

func namesOf(t reflect.Type) map[string]int {
	fields := make(map[string]int)
	for i := range t.NumField() {
		for _, name := range strings.Fields(t.Field(i).Tag.Get("wire")) {
			fields[name] = i
		}
	}
	return fields
}

func set(field reflect.Value, v []byte) {
	switch p := field.Addr().Interface().(type) {
	case *json.RawMessage:
		*p = v
	case *string:
		setValue(p, TextOf(v))
	case **string:
		setPointer(p, TextOf(v))
	case *int64:
		setValue(p, IntOf(v))
	case *int:
		if n := IntOf(v); n != nil {
			*p = int(*n)
		}
	case **int64:
		setPointer(p, IntOf(v))
	case *bool:
		setValue(p, BoolOf(v))
	case **bool:
		setPointer(p, BoolOf(v))
	case *[]string:
		if list := TextsOf(v); list != nil {
			*p = list
		}
	default:
		setStruct(field, v)
	}
}

func setValue[T any](p, v *T) {
	if v != nil {
		*p = *v
	}
}

func setPointer[T any](p **T, v *T) {
	if v != nil {
		*p = v
	}
}

// setStruct sets a struct, a pointer to one or a list of them.
func setStruct(field reflect.Value, v []byte) {
	switch field.Kind() {
	case reflect.Pointer:
		if !IsNull(v) {
			field.Set(reflect.New(field.Type().Elem()))
			fill(field.Elem(), v)
		}
	case reflect.Slice:
		Elements(v, func(e []byte) {
			field.Set(reflect.Append(field, reflect.Zero(field.Type().Elem())))
			fill(field.Index(field.Len()-1), e)
		})
	default:
		fill(field, v)
	}
}
