package config

import (
	"fmt"
	"net/url"
)

// credentials returns the key of the side and the address that it goes to.
// Settings that the side does not use may be wrong: they are the other side's, or
// another program's.
func (r *resolver) credentials() (*foundKey, *foundURL, error) {
	key, err := r.ownKey()
	if err != nil {
		return nil, nil, err
	}
	said, err := r.ownURL()
	if err != nil {
		return nil, nil, err
	}
	own := key != nil
	if !own {
		if key, err = parseKey(r.find(nameAPIKey)); err != nil {
			return nil, nil, err
		}
	}
	if key == nil {
		if err := r.beyond(nil); err != nil {
			return nil, nil, err
		}
		return nil, nil, r.noKey()
	}
	if err := r.beyond(key.at); err != nil {
		return nil, nil, err
	}
	var u *foundURL
	if own {
		u, err = r.addressOfOwn(key, said)
	} else {
		u, err = r.addressOfGeneric(key, said)
	}
	if err != nil {
		return nil, nil, err
	}
	if key.url != nil && !sameHost(key.url, u.url) {
		u.warnings = append(u.warnings, fmt.Sprintf("the key from %s is for %s, and is sent to %s, as %s says",
			key.from, address(key.url), address(u.url), u.from))
	}
	return key, u, nil
}

// addressOfOwn returns where the key of the side goes, of which said is the
// address.
func (r *resolver) addressOfOwn(key *foundKey, said *foundURL) (*foundURL, error) {
	generic := r.find(nameURL)
	if said == nil && key.url == nil && generic.text != "" && !isDefault(generic) {
		return nil, &Error{
			Message: fmt.Sprintf("the key from %s has no address: %s is for both sides, and may belong to another key", key.from, generic.from),
			Hints:   []string{fmt.Sprintf("set %s (or --url) to the instance the key belongs to", r.side.own(nameURL))},
		}
	}
	home, err := key.home(r.urlNames())
	if err != nil {
		return nil, err
	}
	p := pairing{key: key, home: home, said: said, keyName: r.side.own(nameAPIKey), urlName: r.side.own(nameURL)}
	return r.decide(&p)
}

// isDefault reports whether s is the address that a key without one goes to.
func isDefault(s setting) bool {
	u, err := parseURL(s.text)
	return err == nil && sameHost(u, mustParse(DefaultURL))
}

// addressOfGeneric returns where a key goes that is for either side. own is the
// address of this one.
func (r *resolver) addressOfGeneric(key *foundKey, own *foundURL) (*foundURL, error) {
	said, err := parseFoundURL(r.find(nameURL))
	if err != nil {
		return nil, err
	}
	home, err := key.home([]string{nameURL})
	if err != nil {
		return nil, err
	}
	if own == nil {
		return r.decide(&pairing{key: key, home: home, said: said, keyName: nameAPIKey, urlName: nameURL, sdk: true})
	}
	if home == nil && said != nil && said.mayReceive(key) {
		home = said
	}
	return r.decide(&pairing{key: key, home: home, said: own, keyName: r.side.own(nameAPIKey), urlName: r.side.own(nameURL), sides: true})
}

// home returns the address that was given together with the key: in the same
// place, or in the key itself. It is nil if there is none.
func (k *foundKey) home(names []string) (*foundURL, error) {
	s, err := k.at.oneOf(names)
	if err != nil {
		return nil, err
	}
	if s.text == "" {
		return k.held(), nil
	}
	return parseFoundURL(s)
}

// mayReceive reports whether an address may get a key: one of the same place, and
// one that the user gave in a place that goes before that of the key.
func (u *foundURL) mayReceive(key *foundKey) bool {
	return u.at == key.at || u.at.rank < key.at.rank && !u.at.local
}

// A pairing is a key and the addresses that it may go to.
type pairing struct {
	key  *foundKey
	home *foundURL // given together with the key; nil for none
	said *foundURL // the first that the settings have; nil for none

	keyName, urlName string // variables that change what is found
	sdk              bool   // Comet's SDK would send the key to said
	sides            bool   // said is that of the side, and the key is not
}

// localRule is why a file of the working directory is not followed.
const localRule = "a file in the working directory, which may be someone else's, decides for its own key alone"

// decide decides for an address.
func (r *resolver) decide(p *pairing) (*foundURL, error) {
	def := &foundURL{url: mustParse(DefaultURL), from: "the default", at: r.all[0]}
	said, home := p.said, p.home
	if home == nil && (said == nil || !said.mayReceive(p.key)) {
		// The missing file may have held the address.
		var at *layer
		if said != nil {
			at = said.at
		}
		if err := r.beyond(at); err != nil {
			return nil, err
		}
	}
	switch {
	case said == nil && home == nil:
		return def, nil
	case said == nil:
		return home, nil
	case home == nil && said.mayReceive(p.key):
		return said, nil
	case home == nil && sameHost(said.url, def.url):
		return def, nil
	case home == nil:
		return nil, p.keyWithoutAddress(def)
	case sameHost(said.url, home.url) && said.mayReceive(p.key):
		return said, nil
	case sameHost(said.url, home.url):
		return home, nil
	case p.sides || said.at.rank < p.key.at.rank:
		return nil, p.conflict()
	case said.at != p.key.at:
		// The pair was complete before.
		home.warnings = append(home.warnings, p.ignoredAddress())
		return home, nil
	}
	return said, nil
}

// keyWithoutAddress is the error for a key without an address, beside an address that it
// must not go to.
func (p *pairing) keyWithoutAddress(def *foundURL) error {
	why := "it is read after the key, and may belong to another one"
	if p.said.at.local {
		why = localRule
	}
	return &Error{
		Message: fmt.Sprintf("the key from %s is not sent to %s, the address from %s: %s", p.key.from, address(p.said.url), p.said.from, why),
		Hints: []string{
			fmt.Sprintf("to send it there%s, set %s=%s", p.sdkAddress(), p.urlName, withoutUser(p.said.url)),
			fmt.Sprintf("to send it to %s, set %s=%s", address(def.url), p.urlName, def.url),
		},
	}
}

// conflict is the error for a key that is known to belong elsewhere.
func (p *pairing) conflict() error {
	why := "which goes with it"
	if p.home.held {
		why = "which it holds"
	}
	there := withoutUser(p.said.url)
	hints := []string{fmt.Sprintf("set %s%s to a key of %s", p.keyName, p.orFlag(), address(p.said.url))}
	if p.said.at.rank > 0 {
		hints[0] += fmt.Sprintf(" and %s=%s", p.urlName, there)
	}
	if p.sdk {
		hints = append(hints, fmt.Sprintf("to send this key there%s, set %s to it and %s=%s", p.sdkAddress(), p.keyName, p.urlName, there))
	}
	if p.sdk {
		hints = append(hints, fmt.Sprintf("to use it at %s, leave out what %s says", address(p.home.url), p.said.from))
	}
	e := &Error{
		Message: fmt.Sprintf("no key for %s (from %s): the key from %s is for %s, %s",
			address(p.said.url), p.said.from, p.key.from, address(p.home.url), why),
		Hints: hints,
	}
	if p.said.at.local {
		e.Message += "; " + localRule
	}
	return e
}

// orFlag names the flag that does what the variable of the key does.
func (p *pairing) orFlag() string {
	if p.sdk {
		return ""
	}
	return " (or --api-key-file)"
}

// sdkAddress says where an address comes from that Comet's SDK would take.
func (p *pairing) sdkAddress() string {
	if p.sdk {
		return ", as Comet's SDK would"
	}
	return ""
}

// ignoredAddress reports an address that is not used because the key holds one.
func (p *pairing) ignoredAddress() string {
	return fmt.Sprintf("the key from %s is sent to %s, which it holds, and not to %s (from %s); to send it there%s, set %s=%s",
		p.key.from, address(p.home.url), address(p.said.url), p.said.from, p.sdkAddress(), p.urlName, withoutUser(p.said.url))
}

// withoutUser returns an address as one may set it, without userinfo.
func withoutUser(u *url.URL) string {
	shown := *u
	shown.User = nil
	return shown.String()
}
