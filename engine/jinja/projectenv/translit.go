package projectenv

import "strings"

// transliterate spells text in ASCII. It is called after compatibility
// decomposition, so accents are separate marks already, and are dropped here
// with everything else that has no spelling.
func transliterate(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < 0x80 {
			b.WriteRune(r)
			continue
		}
		b.WriteString(spelling(r))
	}
	return b.String()
}

func spelling(r rune) string {
	if s, ok := spellings[r]; ok {
		return s
	}
	switch {
	case r >= 0x410 && r <= 0x42f:
		return strings.ToUpper(cyrillic[r-0x410][:min(1, len(cyrillic[r-0x410]))]) + cyrillic[r-0x410][min(1, len(cyrillic[r-0x410])):]
	case r >= 0x430 && r <= 0x44f:
		return cyrillic[r-0x430]
	case r >= 0x391 && r <= 0x3a9:
		return strings.ToUpper(greek[r-0x391][:min(1, len(greek[r-0x391]))]) + greek[r-0x391][min(1, len(greek[r-0x391])):]
	case r >= 0x3b1 && r <= 0x3c9:
		return greek[r-0x3b1]
	case r >= 0x30a1 && r <= 0x30f6:
		return kana[r-0x30a1]
	case r >= 0x3041 && r <= 0x3096:
		return kana[r-0x3041]
	case r >= 0x1100 && r <= 0x1112:
		return jamoInitial[r-0x1100]
	case r >= 0x1161 && r <= 0x1175:
		return jamoVowel[r-0x1161]
	case r >= 0x11a8 && r <= 0x11c2:
		return jamoFinal[r-0x11a8]
	case r >= 0x5d0 && r <= 0x5ea:
		return hebrew[r-0x5d0]
	}
	return ""
}

// The alphabets, in the order of their code points.
var (
	cyrillic = strings.Split("a,b,v,g,d,e,zh,z,i,i,k,l,m,n,o,p,r,s,t,u,f,kh,ts,ch,sh,shch,',y,',e,iu,ia", ",")
	greek    = strings.Split("a,b,g,d,e,z,e,th,i,k,l,m,n,x,o,p,r,s,s,t,u,ph,kh,ps,o", ",")
	hebrew   = strings.Split(",b,g,d,h,v,z,kh,t,y,k,k,l,m,m,n,n,s,`,p,p,ts,ts,q,r,sh,t", ",")
	kana     = strings.Split("a,a,i,i,u,u,e,e,o,o,ka,ga,ki,gi,ku,gu,ke,ge,ko,go,sa,za,shi,ji,su,zu,se,ze,so,zo,ta,da,chi,di,tsu,tsu,du,te,de,to,do,"+
		"na,ni,nu,ne,no,ha,ba,pa,hi,bi,pi,hu,bu,pu,he,be,pe,ho,bo,po,ma,mi,mu,me,mo,ya,ya,yu,yu,yo,yo,ra,ri,ru,re,ro,wa,wa,wi,we,wo,n,vu,ka,ke", ",")
	jamoInitial = strings.Split("g,gg,n,d,dd,r,m,b,bb,s,ss,,j,jj,c,k,t,p,h", ",")
	jamoVowel   = strings.Split("a,ae,ya,yae,eo,e,yeo,ye,o,wa,wae,oe,yo,u,weo,we,wi,yu,eu,yi,i", ",")
	jamoFinal   = strings.Split("g,gg,gs,n,nj,nh,d,l,lg,lm,lb,ls,lt,lp,lh,m,b,bs,s,ss,ng,j,c,k,t,p,h", ",")
)

// spellings holds the letters and signs that decomposition leaves and that
// stand outside of the regular alphabets.
var spellings = map[rune]string{
	'ß': "ss", 'ẞ': "Ss", 'æ': "ae", 'Æ': "AE", 'œ': "oe", 'Œ': "OE", 'ø': "o", 'Ø': "O", 'đ': "d", 'Đ': "D", 'ð': "d", 'Ð': "D",
	'þ': "th", 'Þ': "Th", 'ł': "l", 'Ł': "L", 'ħ': "h", 'Ħ': "H", 'ı': "i", 'ĸ': "k", 'ŋ': "ng", 'Ŋ': "NG", 'ŧ': "t", 'Ŧ': "T",
	'ƒ': "f", 'ə': "@", 'Ə': "@", 'ɓ': "b", 'ɗ': "d", 'ƙ': "k", 'ƴ': "y", 'Ƴ': "Y", 'ſ': "s",
	'ё': "io", 'Ё': "Io", 'ђ': "dj", 'Ђ': "Dj", 'є': "ie", 'Є': "Ie", 'ѕ': "dz", 'Ѕ': "Dz", 'і': "i", 'І': "I",
	'ј': "j", 'Ј': "J", 'љ': "lj", 'Љ': "Lj", 'њ': "nj", 'Њ': "Nj", 'ћ': "tsh", 'Ћ': "Tsh", 'џ': "dzh", 'Џ': "Dzh",
	'ґ': "g'", 'Ґ': "G'", 'қ': "k", 'Қ': "K", 'ң': "n", 'Ң': "N", 'ү': "u", 'Ү': "U", 'ұ': "u", 'Ұ': "U", 'һ': "h", 'Һ': "H", 'ө': "o", 'Ө': "O",
	'ς': "s", '–': "-", '—': "--", '―': "--", '‐': "-", '‑': "-", '‒': "-", '‘': "'", '’': "'", '‚': ",", '“': `"`, '”': `"`, '„': ",,",
	'†': "+", '‡': "++", '•': "*", '…': "...", '‰': "%0", '′': "'", '″': `"`, '‹': "<", '›': ">", '«': "<<", '»': ">>",
	'€': "EUR", '£': "PS", '¥': "Y=", '¢': "C/", '¤': "$?", '§': "SS", '©': "(c)", '®': "(r)", '°': "deg", '±': "+-", '¶': "P", '·': "*",
	'¡': "!", '¿': "?", '×': "x", '÷': "/", '¬': "!", '¦': "|", '₽': "Rs", '₹': "Rs", '№': "No", '⁄': "/", 'ー': "", '・': "*",
	'。': ".", '、': ", ",
}
